// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * For tests, in a guest: takes the event channels of its first display's first connector away from
 * under the living driver, as a guest does that goes wrong. No state changes in xenstore.
 *
 * Linux must find a port of that number when it closes the channel later, or it is a BUG. So each
 * number is taken again at once, as a port that nobody has bound: what is sent to it is dropped.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <linux/init.h>
#include <linux/module.h>
#include <xen/events.h>
#include <xen/interface/event_channel.h>
#include <xen/xenbus.h>
#include <asm/xen/hypercall.h>

#define CONNECTOR "device/vdispl/0/0"
#define TRIES 64

static int close_port(evtchn_port_t port)
{
	struct evtchn_close close = { .port = port };

	return HYPERVISOR_event_channel_op(EVTCHNOP_close, &close);
}

/* Xen gives the lowest number that is free, which may be another than the one that just became so. */
static int take_port(evtchn_port_t port)
{
	struct evtchn_alloc_unbound unbound = { .dom = DOMID_SELF, .remote_dom = 0 };
	evtchn_port_t others[TRIES];
	int count = 0, ret;

	do {
		ret = HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &unbound);
		if (ret || unbound.port == port)
			break;
		others[count++] = unbound.port;
	} while (count < TRIES);
	while (count)
		close_port(others[--count]);
	return ret ?: unbound.port == port ? 0 : -ENOSPC;
}

static int lose(const char *node)
{
	unsigned int port;
	int ret;

	if (xenbus_scanf(XBT_NIL, CONNECTOR, node, "%u", &port) != 1)
		return -ENOENT;
	ret = close_port(port);
	if (!ret)
		ret = take_port(port);
	pr_info("%s %u is closed (%d)\n", node, port, ret);
	return ret;
}

static int __init evtchn_gone_init(void)
{
	return lose("req-event-channel") ?: lose("evt-event-channel");
}

static void __exit evtchn_gone_exit(void)
{
}

module_init(evtchn_gone_init);
module_exit(evtchn_gone_exit);
MODULE_DESCRIPTION("Closes a Xen display's event channels, for tests");
MODULE_LICENSE("GPL");
