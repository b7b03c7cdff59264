/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/nbd_proto.h: numbers of the NBD protocol (proto.md).  All are big-endian on the wire. */
#ifndef BLOCK_NBD_PROTO_H
#define BLOCK_NBD_PROTO_H

#define NBD_MAGIC            0x4e42444d41474943ull /* "NBDMAGIC" */
#define NBD_OPTION_MAGIC     0x49484156454f5054ull /* "IHAVEOPT" */
#define NBD_REPLY_MAGIC      0x0003e889045565a9ull
#define NBD_REQUEST_MAGIC    0x25609513u
#define NBD_SIMPLE_MAGIC     0x67446698u
#define NBD_STRUCTURED_MAGIC 0x668e33efu

#define NBD_DEFAULT_PORT "10809"
#define NBD_MAX_NAME     4096u
#define NBD_MAX_OPTION   65536u
#define NBD_MAX_PAYLOAD  (32u << 20)

enum nbd_handshake_flags { NBD_FIXED_NEWSTYLE = 1, NBD_NO_ZEROES = 2 };

enum nbd_option {
    NBD_OPT_EXPORT_NAME = 1,
    NBD_OPT_ABORT,
    NBD_OPT_LIST,
    NBD_OPT_STARTTLS = 5,
    NBD_OPT_INFO,
    NBD_OPT_GO,
    NBD_OPT_STRUCTURED_REPLY,
    NBD_OPT_LIST_META_CONTEXT,
    NBD_OPT_SET_META_CONTEXT,
};

enum nbd_option_reply {
    NBD_REP_ACK = 1,
    NBD_REP_SERVER,
    NBD_REP_INFO,
    NBD_REP_META_CONTEXT,
};
#define NBD_REP_ERR_UNSUP   0x80000001u
#define NBD_REP_ERR_POLICY  0x80000002u
#define NBD_REP_ERR_INVALID 0x80000003u
#define NBD_REP_ERR_UNKNOWN 0x80000006u
#define NBD_REP_ERR_TOO_BIG 0x80000009u

enum nbd_info { NBD_INFO_EXPORT, NBD_INFO_NAME, NBD_INFO_DESCRIPTION, NBD_INFO_BLOCK_SIZE };

enum nbd_export_flags {
    NBD_HAS_FLAGS = 1 << 0,
    NBD_READ_ONLY = 1 << 1,
    NBD_SEND_FLUSH = 1 << 2,
    NBD_SEND_FUA = 1 << 3,
    NBD_ROTATIONAL = 1 << 4,
    NBD_SEND_TRIM = 1 << 5,
    NBD_SEND_WRITE_ZEROES = 1 << 6,
    NBD_SEND_DF = 1 << 7,
    NBD_CAN_MULTI_CONN = 1 << 8,
    NBD_SEND_RESIZE = 1 << 9,
    NBD_SEND_CACHE = 1 << 10,
    NBD_SEND_FAST_ZERO = 1 << 11,
};

enum nbd_command {
    NBD_CMD_READ,
    NBD_CMD_WRITE,
    NBD_CMD_DISC,
    NBD_CMD_FLUSH,
    NBD_CMD_TRIM,
    NBD_CMD_CACHE,
    NBD_CMD_WRITE_ZEROES,
    NBD_CMD_BLOCK_STATUS,
};

enum nbd_command_flags {
    NBD_FUA = 1 << 0,
    NBD_NO_HOLE = 1 << 1,
    NBD_DF = 1 << 2,
    NBD_REQ_ONE = 1 << 3,
    NBD_FAST_ZERO = 1 << 4,
};

#define NBD_CHUNK_DONE 1u
enum nbd_chunk {
    NBD_CHUNK_NONE = 0,
    NBD_CHUNK_DATA = 1,
    NBD_CHUNK_HOLE = 2,
    NBD_CHUNK_STATUS = 5,
    NBD_CHUNK_ERROR = 0x8001,
};

#define NBD_STATE_HOLE  1u
#define NBD_STATE_ZERO  2u
#define NBD_STATE_DIRTY 1u

#endif
