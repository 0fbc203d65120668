#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
"""An RTSP server that takes a stream: record-server.py FILE.mkv. Says its port, and 'recording' when a stream has come."""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory()
factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
# What has come is in the file at once, for the server may be killed.
factory.set_launch(
    f"( rtph264depay name=depay0 ! h264parse ! identity name=first silent=false ! matroskamux offset-to-zero=true"
    f" ! filesink buffer-mode=unbuffered location={sys.argv[1]} )"
)


def configured(_, media):
    element = media.get_element()
    pad = element.get_by_name("first").get_static_pad("src")
    seen = [0]

    def probe(*_):
        seen[0] += 1
        if seen[0] == 20:
            print("recording", flush=True)
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.BUFFER, probe)


factory.connect("media-configure", configured)
server.get_mount_points().add_factory("/vm1", factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
