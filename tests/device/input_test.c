/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/input_test.c: from a key's name to bytes at port 0x60, in every scan code set. */
#include "hw/input/i8042.h"
#include "monitor/monitor.h"
#include "tests/device/fuzz.h"

static struct i8042 *i8042_new(struct rig *r)
{
    return (struct i8042 *)rig_device(r, "i8042", NULL);
}

static void expect(struct rig *r, const char *bytes, size_t n, bool aux)
{
    for (size_t i = 0; i < n; i++) {
        g_assert_cmphex(rig_inb(r, 0x64) & 0x21, ==, aux ? 0x21 : 0x01);
        g_assert_cmphex(rig_inb(r, 0x60), ==, (uint8_t)bytes[i]);
    }
    g_assert_cmphex(rig_inb(r, 0x64) & 0x01, ==, 0);
}
#define EXPECT(r, bytes)     expect(r, bytes, sizeof(bytes) - 1, false)
#define EXPECT_AUX(r, bytes) expect(r, bytes, sizeof(bytes) - 1, true)

static void run(struct rig *r, const char *line, const char *answer)
{
    g_autoptr(GString) out = g_string_new(NULL);

    monitor_execute(r->m, line, out);
    if (*answer) {
        g_assert_nonnull(strstr(out->str, answer));
    } else {
        g_assert_cmpstr(out->str, ==, "");
    }
}

/* No translation, and a scan code set. */
static void choose_set(struct rig *r, uint8_t set)
{
    rig_outb(r, 0x64, 0x60);
    rig_outb(r, 0x60, 0x03);
    rig_outb(r, 0x60, 0xf0);
    rig_outb(r, 0x60, set);
    EXPECT(r, "\xfa\xfa");
}

static void sendkey_presses_and_releases(void)
{
    g_autoptr(rig) r = rig_new();

    i8042_new(r);
    run(r, "sendkey ctrl-alt-f1", "");
    EXPECT(r, "\x1d\x38\x3b");
    rig_step(r, 99 * MS);
    EXPECT(r, "");
    rig_step(r, 2 * MS);
    EXPECT(r, "\xbb\xb8\x9d");
    run(r, "sendkey ret 500", "");
    run(r, "sendkey a", ""); /* waits for the release */
    EXPECT(r, "\x1c");
    rig_step(r, 501 * MS);
    EXPECT(r, "\x9c\x1e");
    rig_step(r, 101 * MS);
    EXPECT(r, "\x9e");
    run(r, "sendkey 0x1e 1", "");
    rig_step(r, 2 * MS);
    EXPECT(r, "\x1e\x9e");
}

static void sendkey_names_its_mistakes(void)
{
    g_autoptr(rig) r = rig_new();

    run(r, "sendkey a", "no keyboard");
    run(r, "mouse_move 1 1", "no mouse");
    run(r, "info mice", "No mouse");
    i8042_new(r);
    run(r, "sendkey", "give it keys");
    run(r, "sendkey ctrl-foo", "unknown key 'foo'");
    run(r, "sendkey ctrl-", "unknown key ''");
    run(r, "sendkey a 0", "must be 1 to 60000");
    run(r, "sendkey a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q", "too many keys");
    run(r, "mouse_move 1", "give it dx dy");
    run(r, "mouse_move 1 2 3 4", "give it dx dy");
    run(r, "mouse_button 8", "must be the sum");
    EXPECT(r, "");
    for (unsigned i = 0; i < INPUT_QUEUE_MAX; i++) {
        g_autoptr(GError) error = NULL;

        if (!input_send_keys(r->m, "a", 100, &error)) {
            g_assert_nonnull(strstr(error->message, "wait already"));
            return;
        }
    }
    g_assert_not_reached();
}

/* Every name is a key that the keyboard has in each of its sets. */
static void every_name_is_a_key(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8042 *s = i8042_new(r);

    for (uint8_t set = 1; set <= 2; set++) {
        choose_set(r, set);
        for (unsigned i = 0; input_key_name(i); i++) {
            uint16_t key = input_key_of_name(input_key_name(i), strlen(input_key_name(i)));

            g_assert_cmphex(key, !=, 0);
            i8042_key_event(&s->dev, key, true);
            g_assert_cmphex(rig_inb(r, 0x64) & 1, ==, 1);
            while (rig_inb(r, 0x64) & 1) {
                g_assert_cmphex(rig_inb(r, 0x60), !=, 0);
            }
        }
    }
}

static void sets_differ(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8042 *s = i8042_new(r);

    choose_set(r, 1);
    i8042_key_event(&s->dev, 0xe048, true);
    i8042_key_event(&s->dev, 0xe048, false);
    EXPECT(r, "\xe0\x48\xe0\xc8");
    choose_set(r, 2);
    i8042_key_event(&s->dev, 0xe048, true);
    i8042_key_event(&s->dev, 0xe048, false);
    EXPECT(r, "\xe0\x75\xe0\xf0\x75");
    choose_set(r, 3);
    i8042_key_event(&s->dev, 0xe048, true);
    i8042_key_event(&s->dev, 0xe048, false); /* typematic: no word of its release */
    i8042_key_event(&s->dev, 0x2a, true);
    i8042_key_event(&s->dev, 0x2a, false); /* Shift tells */
    i8042_key_event(&s->dev, PS2_KEY_PAUSE, true);
    EXPECT(r, "\x63\x12\xf0\x12\x62");
    rig_outb(r, 0x60, 0xf8); /* all keys tell */
    i8042_key_event(&s->dev, 0x01, true);
    i8042_key_event(&s->dev, 0x01, false);
    EXPECT(r, "\xfa\x08\xf0\x08");
    rig_outb(r, 0x60, 0xfd); /* but these two */
    rig_outb(r, 0x60, 0x08);
    rig_outb(r, 0x60, 0x16);
    rig_outb(r, 0x60, 0xf4); /* the list ends with a command */
    EXPECT(r, "\xfa\xfa");   /* which also clears the queue behind the output buffer */
    i8042_key_event(&s->dev, 0x01, false);
    i8042_key_event(&s->dev, 0x02, false);
    i8042_key_event(&s->dev, 0x03, false);
    EXPECT(r, "\xf0\x1e");
    rig_outb(r, 0x60, 0xf0);
    rig_outb(r, 0x60, 0x00);
    EXPECT(r, "\xfa\xfa\x03");
    rig_check_state(r, &s->dev);
    rig_outb(r, 0x60, 0xf6); /* back to set 2 */
    rig_outb(r, 0x60, 0xf0);
    rig_outb(r, 0x60, 0x00);
    EXPECT(r, "\xfa\xfa\xfa\x02");
}

static void mouse_follows_the_monitor(void)
{
    g_autoptr(rig) r = rig_new();

    i8042_new(r);
    run(r, "info mice", "* Mouse #0: QEMU PS/2 Mouse");
    rig_outb(r, 0x64, 0xd4);
    rig_outb(r, 0x60, 0xf4);
    EXPECT_AUX(r, "\xfa");
    run(r, "mouse_button 4", ""); /* right */
    EXPECT_AUX(r, "\x0a\x00\x00");
    run(r, "mouse_move 5 -3", ""); /* still held; up */
    EXPECT_AUX(r, "\x0a\x05\x03");
    run(r, "mouse_button 2", "");
    EXPECT_AUX(r, "\x0c\x00\x00");
    run(r, "mouse_button 0", "");
    EXPECT_AUX(r, "\x08\x00\x00");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/input/sendkey", sendkey_presses_and_releases);
    g_test_add_func("/input/errors", sendkey_names_its_mistakes);
    g_test_add_func("/input/names", every_name_is_a_key);
    g_test_add_func("/input/sets", sets_differ);
    g_test_add_func("/input/mouse", mouse_follows_the_monitor);
    return g_test_run();
}
