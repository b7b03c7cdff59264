/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual cables: peers, bounded queues, links, hubs, and the network of -netdev user. Thread: the test's. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "config.h"
#include "monitor/monitor.h"
#include "net/user.h"
#include "tests/unit/net_rig.h"

static void peers_receive_what_the_other_sends(struct fixture *f, gconstpointer data)
{
    GError *error = NULL;

    (void)data;
    net_send(&f->a.client, frame, sizeof(frame)); /* to nobody */
    g_assert_true(net_plug(&f->a.client, &f->b.client, &error));
    net_send(&f->a.client, frame, sizeof(frame));
    net_send(&f->a.client, frame, 13); /* no header */
    g_assert_cmpuint(f->b.frames, ==, 1);
    g_assert_cmpuint(f->b.len, ==, sizeof(frame));
    g_assert_cmpmem(f->b.last, sizeof(frame), frame, sizeof(frame));
    g_assert_cmpuint(f->a.client.dropped, ==, 2);
    g_assert_false(net_plug(&f->a.client, &f->b.client, &error));
    g_assert_nonnull(strstr(error->message, "in use"));
    g_clear_error(&error);
    net_unplug(&f->a.client);
    g_assert_null(f->b.client.peer);
}

static void a_full_receiver_holds_the_sender_back(struct fixture *f, gconstpointer data)
{
    (void)data;
    net_plug(&f->a.client, &f->b.client, NULL);
    f->b.full = true;
    for (unsigned i = 0; i < NET_QUEUE_FRAMES / 2; i++) {
        g_assert_true(net_can_send(&f->a.client));
        net_send(&f->a.client, frame, sizeof(frame));
    }
    g_assert_false(net_can_send(&f->a.client));
    for (unsigned i = 0; i < 2 * NET_QUEUE_FRAMES; i++) {
        net_send(&f->a.client, frame, sizeof(frame));
    }
    g_assert_cmpuint(f->b.client.queue.length, ==, NET_QUEUE_FRAMES);
    g_assert_cmpuint(f->b.frames, ==, 0);
    f->b.full = false;
    net_ready(&f->b.client);
    g_assert_cmpuint(f->b.frames, ==, NET_QUEUE_FRAMES);
    g_assert_cmpuint(f->a.drained, ==, 1);
    g_assert_true(net_can_send(&f->a.client));
}

static void a_link_that_is_down_carries_nothing(struct fixture *f, gconstpointer data)
{
    (void)data;
    net_plug(&f->a.client, &f->b.client, NULL);
    g_assert_cmpuint(f->b.links, ==, 1);
    net_set_link(&f->a.client, false);
    g_assert_cmpuint(f->b.links, ==, 2);
    g_assert_false(net_link_up(&f->b.client));
    net_send(&f->b.client, frame, sizeof(frame));
    net_set_link(&f->a.client, true);
    g_assert_cmpuint(f->a.frames, ==, 0);
    net_send(&f->b.client, frame, sizeof(frame));
    g_assert_cmpuint(f->a.frames, ==, 1);
}

static void a_hub_repeats_to_all_others(struct fixture *f, gconstpointer data)
{
    g_autoptr(GString) text = g_string_new(NULL);

    (void)data;
    net_plug(&f->a.client, netdev(f, "hubport,id=p0,hubid=3"), NULL);
    net_plug(&f->b.client, netdev(f, "hubport,id=p1,hubid=3"), NULL);
    netdev(f, "hubport,id=p2,hubid=3");
    net_send(&f->a.client, frame, sizeof(frame));
    g_assert_cmpuint(f->b.frames, ==, 1);
    g_assert_cmpuint(f->a.frames, ==, 0);
    net_print(f->m, text);
    g_assert_cmpstr(text->str, ==,
                    "hub 3\n \\ p2\n \\ p1: test-card.0: index=0,type=nic,model=test\n"
                    " \\ p0: a: index=0,type=nic,model=test\n");
    assert_refused(f, "hubport,id=q,hubid=3,netdev=p2", "same hub");
    assert_refused(f, "hubport,id=q,hubid=256", "must be 0 to 255");
    assert_refused(f, "hubport,id=p1,hubid=3", "Duplicate");
}

static void two_hubs_in_a_ring_do_not_go_round_for_ever(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 2; i++) {
        g_autofree char *one = g_strdup_printf("hubport,id=x%u,hubid=0", i);
        g_autofree char *two = g_strdup_printf("hubport,id=y%u,hubid=1,netdev=x%u", i, i);

        netdev(f, one);
        netdev(f, two);
    }
    net_plug(&f->a.client, netdev(f, "hubport,id=z,hubid=0"), NULL);
    net_send(&f->a.client, frame, sizeof(frame));
    g_assert_cmpuint(f->a.frames, <, 1000);
}

static void mac_addresses(void)
{
    static const uint8_t want[6] = { 0x52, 0x54, 0, 0xab, 0xcd, 0xef };
    uint8_t mac[6];

    g_assert_true(net_parse_mac("52:54:00:AB:cd-ef", mac));
    g_assert_cmpmem(mac, 6, want, 6);
    g_assert_false(net_parse_mac("52:54:00:AB:cd", mac));
    g_assert_false(net_parse_mac("52:54:00:AB:cd:ef:00", mac));
    g_assert_false(net_parse_mac("5:54:00:AB:cd:ef", mac));
}

#if CONFIG_SLIRP
static void user_options_are_checked(struct fixture *f, gconstpointer data)
{
    static const char *const rows[][2] = {
        { "user,id=u,colour=red", "no property 'colour'" },
        { "user,id=u,restrict=maybe", "must be on or off" },
        { "user,id=u,net=1.2.3.4/40", "ADDRESS/BITS" },
        { "user,id=u,net=10.1.0.0/16,host=10.2.0.1", "must be an address of the network" },
        { "user,id=u,host=10.0.2.3", "different addresses" },
        { "user,id=u,dns=here", "IPv4 address" },
        { "user,id=u,hostfwd=tcp::22", "invalid host forwarding rule" },
        { "user,id=u,hostfwd=tcp::99999-:22", "invalid host forwarding rule" },
        { "user,id=u,guestfwd=tcp:10.0.2.100:80", "invalid guest forwarding rule" },
        { "user,id=u,guestfwd=tcp:10.0.2.100:80-what", "unknown character device 'what'" },
        { "user,id=u,guestfwd=tcp:10.0.2.100:80-chardev:c", "there is no chardev 'c'" },
        { "user,id=u,guestfwd=tcp:10.0.2.100:80-tcp:127.0.0.1:1",
          "Failed to connect to '127.0.0.1:1'" },
        { "user,id=u,guestfwd=tcp:10.9.2.100:80-cmd:cat", "not one of this network" },
        { "user,id=u,hostfwd=tcp:[::1]:0-:22", "or both in brackets" },
        { "user,id=u,hostfwd=tcp:[::1:0-[fec0::9]:22", "invalid host forwarding rule" },
        { "user,id=u,ipv4=off,ipv6=off", "both off" },
        { "user,id=u,smb=tmp", "smb" }, /* not absolute, or no samba */
        { "user,id=u,smbserver=10.0.3.4", "must be an address of the network" },
        { "user", "id=" },
        { "wifi,id=u", "must be one of: user" },
    };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_refused(f, rows[i][0], rows[i][1]);
    }
    netdev(f,
           "user,id=u,net=192.168.76.0/24,dhcpstart=192.168.76.9,dnssearch=a.example,dnssearch=b,"
           "hostname=h,domainname=d,restrict=on,ipv6=off,tftp=/nowhere,bootfile=x");
}

/* ARP for 10.0.2.2 or what `host` ends with. */
static void ask_arp(struct fixture *f, uint8_t last)
{
    uint8_t arp[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0,   0x12, 0x34,
                        0x56, 8,    6,    0,    1,    8,    0,    6,    4,   0,    1,
                        0x52, 0x54, 0,    0x12, 0x34, 0x56, 10,   0,    2,   15,   0,
                        0,    0,    0,    0,    0,    10,   0,    2,    last };

    net_send(&f->a.client, arp, sizeof(arp));
}

static void the_user_network_answers(struct fixture *f, gconstpointer data)
{
    (void)data;
    net_plug(&f->a.client, netdev(f, "user,id=u"), NULL);
    ask_arp(f, 2);
    g_assert_cmpuint(f->a.frames, ==, 1);
    g_assert_cmphex(f->a.last[21], ==, 2); /* a reply */
    g_assert_cmphex(f->a.last[31], ==, 2); /* of 10.0.2.2 */
    ask_arp(f, 77);
    g_assert_cmpuint(f->a.frames, ==, 1);
}

/* On the loopback interface alone; the guest is looked for. */
static void a_forward_reaches_the_guest(struct fixture *f, gconstpointer data)
{
    struct net_user *u = (struct net_user *)netdev(f, "user,id=u,hostfwd=tcp::0-:22");
    const struct user_forward *forward = &g_array_index(u->forwards, struct user_forward, 0);
    struct sockaddr_in to = forward->host.v4;
    g_autofree char *rule = g_strdup_printf("tcp::%u", ntohs(to.sin_port));
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)data;
    net_plug(&f->a.client, &u->client, NULL);
    g_assert_cmphex(ntohl(to.sin_addr.s_addr), ==, INADDR_LOOPBACK);
    g_assert_cmpuint(to.sin_port, !=, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&to, sizeof(to)), ==, 0);
    while (f->a.frames == 0) {
        machine_iterate(f->m, true);
    }
    g_assert_cmphex(f->a.last[13], ==, 6);  /* ARP: who has ... */
    g_assert_cmphex(f->a.last[41], ==, 15); /* 10.0.2.15? */
    net_print_user(f->m, text);
    g_assert_nonnull(strstr(text->str, "TCP[HOST_FORWARD]"));
    close(fd);
    g_assert_true(user_remove_hostfwd(u, rule, &error));
    g_assert_false(user_remove_hostfwd(u, rule, &error));
    g_assert_true(user_find(f->m, NULL, NULL) == u);
}
#endif

/* Runs a command; its output has `says` in it, or is empty. */
static void command(struct fixture *f, const char *line, const char *says)
{
    g_autoptr(GString) out = g_string_new(NULL);

    monitor_execute(f->m, line, out);
    g_test_message("%s: %s", line, out->str);
    g_assert_true(*says ? strstr(out->str, says) != NULL : out->len == 0);
}

/* pcap-savefile(5): a header of 24 bytes; before each frame 16, the stored and the whole length behind the time. */
static void a_filter_writes_frames_down(struct fixture *f, gconstpointer data)
{
    g_autofree char *folder = g_dir_make_tmp("rhea-net-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "x.pcap", NULL), *got = NULL;
    g_autofree char *all =
        g_strdup_printf("object_add filter-dump,id=d,netdev=p,file=%s,maxlen=20", path);
    static const uint32_t head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 20, 1 };
    static const uint32_t lengths[2][2] = { { 20, 60 }, { 14, 14 } };
    size_t len;

    (void)data;
    net_plug(&f->a.client, netdev(f, "hubport,id=p,hubid=0"), NULL);
    net_plug(&f->b.client, netdev(f, "hubport,id=q,hubid=0"), NULL);
    command(f, all, "");
    command(f, all, "duplicate id 'd'");
    net_send(&f->a.client, frame, 60); /* to p */
    net_send(&f->b.client, frame, 14); /* from p */
    g_assert_true(g_file_get_contents(path, &got, &len, NULL));
    g_assert_cmpuint(len, ==, 24 + 16 + 20 + 16 + 14);
    g_assert_cmpmem(got, 24, head, 24);
    g_assert_cmpmem(got + 32, 8, lengths[0], 8);
    g_assert_cmpmem(got + 40, 20, frame, 20);
    g_assert_cmpmem(got + 68, 8, lengths[1], 8);
    command(f, "object_del d", "");
    command(f, "object_del d", "not found");
    command(f, "object_add filter-dump,id=d,netdev=x,file=/x", "there is no netdev 'x'");
    command(f, "object_add filter-dump,id=d,netdev=p", "'file=' is missing");
    command(f, "object_add filter-dump,id=d,netdev=p,file=/nowhere/x", "cannot write");
    command(f, "object_add filter-dump,id=d,netdev=p,file=/x,queue=up", "all, rx or tx");
    command(f, "object_add filter-mirror,id=d,netdev=p", "there is filter-dump");
    g_clear_pointer(&got, g_free);
    g_free(g_steal_pointer(&all));
    all = g_strdup_printf("object_add filter-dump,id=d,netdev=p,file=%s,queue=tx", path);
    command(f, all, "");
    net_send(&f->a.client, frame, 60);
    net_send(&f->b.client, frame, 42);
    g_assert_true(g_file_get_contents(path, &got, &len, NULL));
    g_assert_cmpuint(len, ==, 24 + 16 + 42);
    netdev(f, "socket,id=k,listen=127.0.0.1:0");
    g_free(g_steal_pointer(&all));
    all = g_strdup_printf("object_add filter-dump,id=e,netdev=k,file=%s,maxlen=99", path);
    command(f, all, "");
    g_free(g_steal_pointer(&all));
    all = g_strdup_printf("filters:\n  - e: type=filter-dump,file=%s,maxlen=99,position=tail,"
                          "status=on,insert=behind,netdev=k,queue=all\n",
                          path);
    command(f, "info network", all);
    unlink(path);
    rmdir(folder);
}

static void the_monitor_changes_networks(struct fixture *f, gconstpointer data)
{
    (void)data;
    command(f, "netdev_add hubport,id=p,hubid=0", "");
    command(f, "netdev_add hubport,id=p,hubid=0", "Duplicate ID 'p'");
    net_plug(&f->a.client, net_find(f->m, "p"), NULL);
    command(f, "info network", "hub 0\n \\ p: a: index=0,type=nic,model=test\n");
    command(f, "netdev_del p", "in use by 'a'");
    command(f, "set_link a off", "");
    command(f, "info network", "link=down");
    g_assert_true(f->a.client.link_down);
    command(f, "set_link a on", "");
    command(f, "set_link b maybe", "on|off");
    command(f, "set_link nobody off", "Device 'nobody' not found");
    command(f, "announce_self a,nobody", "there is no card 'nobody'");
    command(f, "announce_self a,test-card.0", "");
    command(f, "announce_self", "");
    net_unplug(&f->a.client);
    command(f, "netdev_del p", "");
    command(f, "netdev_del p", "not found");
#if CONFIG_SLIRP
    command(f, "hostfwd_add tcp::0-:22", "no user-mode network");
    command(f, "netdev_add user,id=u", "");
    command(f, "hostfwd_add u tcp:127.0.0.1:0-:22", "");
    command(f, "hostfwd_add tcp:22", "invalid host forwarding rule");
    command(f, "info usernet", "HOST_FORWARD");
    command(f, "hostfwd_remove u tcp::1", "not found");
#endif
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/MAC addresses", mac_addresses);
#define ADD(name, fn) g_test_add("/net/" name, struct fixture, NULL, set_up, fn, tear_down)
    ADD("peers receive what the other sends", peers_receive_what_the_other_sends);
    ADD("a full receiver holds the sender back", a_full_receiver_holds_the_sender_back);
    ADD("a link that is down carries nothing", a_link_that_is_down_carries_nothing);
    ADD("a hub repeats to all others", a_hub_repeats_to_all_others);
    ADD("two hubs in a ring", two_hubs_in_a_ring_do_not_go_round_for_ever);
    ADD("a filter writes frames down", a_filter_writes_frames_down);
    ADD("the monitor changes networks", the_monitor_changes_networks);
#if CONFIG_SLIRP
    ADD("user: options are checked", user_options_are_checked);
    ADD("user: ARP is answered", the_user_network_answers);
    ADD("user: a forward reaches the guest", a_forward_reaches_the_guest);
#endif
    return g_test_run();
}
