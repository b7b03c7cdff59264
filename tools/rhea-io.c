/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/rhea-io.c: reads and writes images by commands: options, the command line, help. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "tools/io.h"
#include "util/log.h"
#include "util/text.h"

struct program {
    struct io_open open;
    GPtrArray *commands;
    bool version;
};

/* clang-format off */
static const struct tool_option program_rows[] = {
    TOOL_ROW_LIST  (struct program, "object", 0, "OBJECTDEF", open.common.objects, "secret,id=ID,data=TEXT|file=PATH: for encrypted images; throttle-group,id=ID,x-bps-total=N: for the driver throttle"),
    TOOL_ROW_FLAG  (struct program, "image-opts", 0, open.common.image_opts, "FILE is a list of options: driver=qcow2,file.filename=a"),
    TOOL_ROW_LIST  (struct program, "cmd", 'c', "STRING", commands, "do this command; without -c they are read from the terminal"),
    TOOL_ROW_STRING(struct program, "format", 'f', "FMT", open.common.format, "format of the image [found out]"),
    TOOL_ROW_FLAG  (struct program, "read-only", 'r', open.read_only, "open read-only"),
    TOOL_ROW_FLAG  (struct program, "snapshot", 's', open.snapshot, "what is written goes to a temporary file"),
    TOOL_ROW_FLAG  (struct program, "nocache", 'n', open.no_cache, "the same as -t none"),
    TOOL_ROW_FLAG  (struct program, "copy-on-read", 'C', open.copy_on_read, "keep what is read from the backing file"),
    TOOL_ROW_FLAG  (struct program, "misalign", 'm', open.misalign, "taken for compatibility"),
    TOOL_ROW_FLAG  (struct program, "native-aio", 'k', open.native, "the same as -i native"),
    TOOL_ROW_STRING(struct program, "aio", 'i', "MODE", open.common.aio, "threads, native or io_uring"),
    TOOL_ROW_STRING(struct program, "cache", 't', "MODE", open.common.cache, "none, writeback, writethrough, directsync or unsafe"),
    TOOL_ROW_STRING(struct program, "discard", 'd', "MODE", open.discard, "ignore or unmap [unmap]"),
    TOOL_ROW_FLAG  (struct program, "force-share", 'U', open.common.force_share, "others may write the image meanwhile"),
    TOOL_ROW_FLAG  (struct program, "version", 'V', version, "print the version"),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};

static bool help(struct io *io, const struct io_command *c, int argc, char **argv);
static bool quit(struct io *io, const struct io_command *c, int argc, char **argv);

static const struct io_command own_commands[] = {
    { "help", "?", "[command]", "help for one or all commands", 0, 1, NULL, true, help },
    { "quit", "q", NULL, "exit the program", 0, 0, NULL, true, quit },
    { 0 }
};
/* clang-format on */

static const struct io_command *const lists[] = { io_transfer_commands, io_aio_commands,
                                                  io_image_commands, own_commands };

static const struct io_command *command_at(unsigned number)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++) {
        for (const struct io_command *c = lists[i]; c->name; c++) {
            if (number-- == 0) {
                return c;
            }
        }
    }
    return NULL;
}

static const struct io_command *find_command(const char *name)
{
    for (unsigned i = 0; command_at(i); i++) {
        const struct io_command *c = command_at(i);

        if (strcmp(c->name, name) == 0 || g_strcmp0(c->alias, name) == 0) {
            return c;
        }
    }
    return NULL;
}

void io_print_line(const struct io_command *c)
{
    printf("%s %s%s-- %s\n", c->name, c->args ? c->args : "", c->args ? " " : "", c->summary);
}

static void print_details(const struct io_command *c)
{
    if (c->details) {
        printf("\n%s", c->details);
        for (const struct tool_option *r = c->options; r && r->letter; r++) {
            printf(" -%c, -- %s\n", r->letter, r->help);
        }
        putchar('\n');
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct io_command *const *)a)->name,
                  (*(const struct io_command *const *)b)->name);
}

static bool help(struct io *io, const struct io_command *command, int argc, char **argv)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    const struct io_command *c;

    (void)io, (void)command;
    if (argc > 1) {
        c = find_command(argv[1]);
        if (!c) {
            printf("command %s not found\n", argv[1]);
            return false;
        }
        io_print_line(c);
        print_details(c);
        return true;
    }
    for (unsigned i = 0; command_at(i); i++) {
        g_ptr_array_add(all, (void *)command_at(i));
    }
    g_ptr_array_sort(all, by_name);
    for (unsigned i = 0; i < all->len; i++) {
        io_print_line(g_ptr_array_index(all, i));
    }
    printf("\nUse 'help commandname' for extended help.\n");
    return true;
}

static bool quit(struct io *io, const struct io_command *c, int argc, char **argv)
{
    (void)c, (void)argc, (void)argv;
    io->quit = true;
    return true;
}

/* Parsing --------------------------------------------------------------------------------------- */

int io_parse(const struct io_command *command, int argc, char **argv, void *args)
{
    int at = tool_parse_letters(command->options, argc, argv, args);

    if (at < 0) {
        io_print_line(command);
    }
    return at;
}

bool io_number(const char *text, uint64_t *out)
{
    if (!parse_size(text, 1, out) || *out > INT64_MAX) {
        printf("Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- %s\n",
               text);
        return false;
    }
    return true;
}

bool io_pattern(const char *text, uint8_t *out)
{
    uint64_t value;

    if (!parse_uint(text, 0, 255, &value)) {
        printf("%s is not a valid pattern byte\n", text);
        return false;
    }
    *out = (uint8_t)value;
    return true;
}

static bool count_is_good(const struct io_command *c, int words)
{
    if (words >= c->min && (c->max < 0 || words <= c->max)) {
        return true;
    }
    if (c->max < 0) {
        fprintf(stderr, "bad argument count %d to %s, expected at least %d arguments\n", words,
                c->name, c->min);
    } else if (c->min == c->max) {
        fprintf(stderr, "bad argument count %d to %s, expected %d arguments\n", words, c->name,
                c->min);
    } else {
        fprintf(stderr, "bad argument count %d to %s, expected between %d and %d arguments\n",
                words, c->name, c->min, c->max);
    }
    return false;
}

static void do_command(struct io *io, const char *line)
{
    g_auto(GStrv) words = g_strsplit_set(line, " \t\n", -1);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    const struct io_command *c;
    bool ok = false;

    for (unsigned i = 0; words[i]; i++) {
        if (*words[i]) {
            g_ptr_array_add(argv, words[i]);
        }
    }
    if (argv->len == 0) {
        return;
    }
    g_ptr_array_add(argv, NULL);
    c = find_command(argv->pdata[0]);
    if (!c) {
        fprintf(stderr, "command \"%s\" not found\n", (char *)argv->pdata[0]);
    } else if (!io->node && !c->no_file) {
        fprintf(stderr, "no file open, try 'help open'\n");
    } else if (count_is_good(c, (int)argv->len - 2)) {
        ok = c->run(io, c, (int)argv->len - 1, (char **)argv->pdata);
    }
    io->failed |= !ok;
    fflush(stdout);
}

static void read_commands(struct io *io)
{
    g_autofree char *line = NULL;
    size_t room = 0;

    while (!io->quit) {
        printf("%s> ", g_get_prgname());
        fflush(stdout);
        if (getline(&line, &room, stdin) < 0) {
            break;
        }
        do_command(io, line);
    }
}

int main(int argc, char **argv)
{
    struct program p = { 0 };
    struct io io = { 0 };
    struct tool_command self = {
        .operands = "[FILE]",
        .summary = "Reads and writes a disk image by commands; -c help lists them.",
        .options = program_rows,
        .details = "Example:\n  rhea-io -f qcow2 -c 'write -P 0xab 0 64k' -c "
                   "'read -P 0xab 0 64k' disk.qcow2\n"
    };
    int at;

    tool_start(argv);
    self.name = g_get_prgname();
    at = tool_parse(&self, argc, argv, &p);
    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    if (p.version) {
        tool_print_version();
        return 0;
    }
    if (argc - at > 1) {
        return tool_usage_error("Expecting at most one image file name");
    }
    io.graph = img_graph(&p.open.common);
    if (!io.graph) {
        return 1;
    }
    io.aio = io_aio_new();
    if (at < argc && !io_open(&io, &p.open, argv[at])) {
        io.failed = true;
    } else if (p.commands) {
        for (unsigned i = 0; i < p.commands->len && !io.quit; i++) {
            do_command(&io, g_ptr_array_index(p.commands, i));
        }
    } else {
        read_commands(&io);
    }
    io_aio_free(io.aio);
    io.failed |= !img_close(io.node);
    block_graph_free(io.graph);
    return io.failed;
}
