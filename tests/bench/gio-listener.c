/* SPDX-License-Identifier: Apache-2.0
 * Copyright the guestcam authors
 *
 * The listener that one writes with GLib's D-Bus: it registers at a console of the one QEMU on a bus, keeps the picture in memory
 * of its own, and says what each frame cost. For the benchmark of the QEMU source.
 *
 *   gio-listener ADDRESS WARM FRAMES
 *
 * Prints "cpu N" (microseconds of all threads for FRAMES frames, after WARM others) and "frame NANOSECONDS PIXEL" for each: when it
 * was complete, by CLOCK_MONOTONIC, and its upper left pixel.
 */
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

static const char *xml =
	"<node><interface name='org.qemu.Display1.Listener'>"
	"<method name='Scanout'><arg type='u' direction='in'/><arg type='u' direction='in'/><arg type='u' direction='in'/>"
	"<arg type='u' direction='in'/><arg type='ay' direction='in'/></method>"
	"<method name='Update'><arg type='i' direction='in'/><arg type='i' direction='in'/><arg type='i' direction='in'/>"
	"<arg type='i' direction='in'/><arg type='u' direction='in'/><arg type='u' direction='in'/><arg type='ay' direction='in'/>"
	"</method><method name='Disable'/>"
	"<method name='MouseSet'><arg type='i' direction='in'/><arg type='i' direction='in'/><arg type='i' direction='in'/></method>"
	"<method name='CursorDefine'><arg type='i' direction='in'/><arg type='i' direction='in'/><arg type='i' direction='in'/>"
	"<arg type='i' direction='in'/><arg type='ay' direction='in'/></method>"
	"</interface></node>";

static unsigned char *picture;
static guint32 width, height;
static long warm, wanted, frames;
static gint64 *times, cpu_before;
static guint32 *pixels;
static GMainLoop *loop;

static gint64 cpu(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000LL + r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

static void frame_is_complete(void)
{
	struct timespec now;

	if (frames == warm)
		cpu_before = cpu();
	frames++;
	if (frames <= warm)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	times[frames - warm - 1] = now.tv_sec * 1000000000LL + now.tv_nsec;
	memcpy(&pixels[frames - warm - 1], picture, 4);
	if (frames == warm + wanted)
		g_main_loop_quit(loop);
}

static void put(gint32 x, gint32 y, gint32 w, gint32 h, guint32 stride, GVariant *bytes)
{
	gsize size, row = (gsize)w * 4;
	const unsigned char *from = g_variant_get_fixed_array(bytes, &size, 1);

	if (x < 0 || y < 0 || w < 1 || h < 1 || (guint32)(x + w) > width || (guint32)(y + h) > height ||
	    stride < row || (gsize)(h - 1) * stride + row > size)
		g_error("a rectangle that does not fit");
	for (gint32 i = 0; i < h; i++)
		memcpy(picture + ((gsize)(y + i) * width + x) * 4, from + (gsize)i * stride, row);
	frame_is_complete();
}

static void called(GDBusConnection *connection, const gchar *sender, const gchar *path, const gchar *interface,
		   const gchar *method, GVariant *arguments, GDBusMethodInvocation *invocation, gpointer data)
{
	guint32 w, h, stride, format;
	gint32 x, y, wide, high;
	GVariant *bytes;

	(void)connection, (void)sender, (void)path, (void)interface, (void)data;
	if (!strcmp(method, "Scanout")) {
		g_variant_get(arguments, "(uuuu@ay)", &w, &h, &stride, &format, &bytes);
		if (w != width || h != height) {
			free(picture);
			width = w, height = h;
			picture = calloc((gsize)w * h, 4);
		}
		put(0, 0, w, h, stride, bytes);
		g_variant_unref(bytes);
	} else if (!strcmp(method, "Update")) {
		g_variant_get(arguments, "(iiiiuu@ay)", &x, &y, &wide, &high, &stride, &format, &bytes);
		put(x, y, wide, high, stride, bytes);
		g_variant_unref(bytes);
	}
	g_dbus_method_invocation_return_value(invocation, NULL);
}

static GVariant *property(GDBusConnection *connection, const gchar *sender, const gchar *path, const gchar *interface,
			  const gchar *name, GError **error, gpointer data)
{
	(void)connection, (void)sender, (void)path, (void)interface, (void)data;
	g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_PROPERTY, "%s", name);
	return NULL;
}

static void must(const void *what, GError *error)
{
	if (!what)
		g_error("%s", error->message);
}

int main(int argc, char **argv)
{
	static const GDBusInterfaceVTable table = { .method_call = called, .get_property = property };
	GDBusConnection *bus, *peer;
	GDBusNodeInfo *node;
	GError *error = NULL;
	GSocket *socket;
	GUnixFDList *fds;
	int pair[2];

	if (argc != 4) {
		fprintf(stderr, "usage: gio-listener ADDRESS WARM FRAMES\n");
		return 2;
	}
	warm = atol(argv[2]), wanted = atol(argv[3]);
	times = calloc(wanted, sizeof(*times));
	pixels = calloc(wanted, sizeof(*pixels));
	loop = g_main_loop_new(NULL, FALSE);
	bus = g_dbus_connection_new_for_address_sync(argv[1],
		G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, &error);
	must(bus, error);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		g_error("socketpair");
	fds = g_unix_fd_list_new_from_array(&pair[1], 1);
	must(g_dbus_connection_call_with_unix_fd_list_sync(bus, "org.qemu", "/org/qemu/Display1/Console_0",
		"org.qemu.Display1.Console", "RegisterListener", g_variant_new("(h)", 0), NULL, G_DBUS_CALL_FLAGS_NONE, -1, fds, NULL,
		NULL, &error), error);
	socket = g_socket_new_from_fd(pair[0], &error);
	must(socket, error);
	peer = g_dbus_connection_new_sync(G_IO_STREAM(g_socket_connection_factory_create_connection(socket)), NULL,
		G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING, NULL, NULL, &error);
	must(peer, error);
	node = g_dbus_node_info_new_for_xml(xml, &error);
	must(node, error);
	if (!g_dbus_connection_register_object(peer, "/org/qemu/Display1/Listener", node->interfaces[0], &table, NULL, NULL, &error))
		must(NULL, error);
	g_dbus_connection_start_message_processing(peer);
	g_main_loop_run(loop);
	printf("cpu %lld\n", (long long)(cpu() - cpu_before));
	for (long i = 0; i < wanted; i++)
		printf("frame %lld %u\n", (long long)times[i], pixels[i]);
	return 0;
}
