/* Posewire's client core: a prompt goes in, joint rotations come out, ready for a game's frame loop.
 *
 * A whole program:
 *
 *     #include <posewire.h>
 *     #include <stdio.h>
 *
 *     int main(void) {
 *         pw_client_options server;
 *         pw_client_options_init(&server, sizeof server);
 *         server.target = "127.0.0.1:50051";
 *         pw_client *client = NULL;
 *         if (pw_client_create(&server, &client) != PW_OK) return puts(pw_last_error());
 *
 *         pw_generate_options wish;
 *         pw_generate_options_init(&wish, sizeof wish);
 *         wish.prompt = "a person walks forward, then waves";
 *         pw_stream *stream = NULL;
 *         if (pw_generate(client, &wish, &stream) != PW_OK) return puts(pw_last_error());
 *
 *         pw_player *player = NULL;
 *         pw_player_create(NULL, &player);               // NULL: defaults, the motion's own skeleton
 *         pw_player_play(player, stream, 0, NULL);       // clip 0, defaults; it need not have arrived
 *
 *         float rotations[64 * 4];
 *         pw_pose pose = {.struct_size = sizeof pose};
 *         do {                                           // the game's frame loop
 *             pw_event event = {.struct_size = sizeof event};
 *             while (pw_stream_poll(stream, &event) == PW_POLL_EVENT)
 *                 if (event.kind == PW_EVENT_STATUS && event.code != PW_OK) puts(event.message);
 *             pw_player_advance(player, 1 / 60.0);       // neither of the two waits, locks or allocates
 *             pw_player_sample(player, rotations, 64, &pose);
 *             if (pose.has_pose) draw(pose.root_position, rotations, pose.joints);
 *         } while (pose.state != PW_PLAYER_ENDED && pose.state != PW_PLAYER_FAILED);
 *
 *         pw_player_destroy(player);
 *         pw_stream_destroy(stream);
 *         pw_client_destroy(client);
 *         return 0;
 *     }
 *
 * Ownership
 *   - What a function gives through an `out` parameter of type `pw_x **` is the caller's, who ends it with
 *     `pw_x_destroy`. Destroying NULL does nothing. The order doesn't matter: a player keeps the frames it
 *     plays, and a stream ends with status PW_CANCELLED when its client is destroyed first.
 *   - Every `const` pointer that comes back is borrowed: it holds until the handle it came from is
 *     destroyed, and where a comment says so only until the next call.
 *   - Pointers in options are read during the call and never kept.
 *
 * Threads
 *   - A handle is used by one thread at a time; different handles by different threads, freely, also where
 *     one plays what the other receives. Any thread may call `pw_stream_cancel` at any time.
 *   - Nothing calls back: whoever wants to know asks.
 *   - Only functions that take seconds to wait may wait, and never longer than they are told. Destroying a
 *     client waits at most `shutdown_seconds`, everything else ends at once.
 *
 * Errors
 *   - Functions that can fail give a `pw_code`; `pw_last_error()` has the sentence for people.
 *   - What goes wrong later, on the network, comes as the stream's last event or in a reply.
 *
 * Structs
 *   - Options are filled with defaults by their `_init` function, which is told their size. In structs
 *     that the library fills, the caller sets `struct_size` before the call. So programs built with one
 *     version of this header work with later libraries.
 *   - Texts are UTF-8. Flags are 0 or 1.
 *
 * Motion is right-handed, Y up, the character faces +Z, its left is +X, metres; quaternions are x, y, z, w
 * and relative to the parent joint. `pw_frame` names the spaces of engines, to and from which this library
 * converts; no other code should.
 */
#ifndef POSEWIRE_H
#define POSEWIRE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#if defined(POSEWIRE_BUILD)
#define PW_API __declspec(dllexport)
#elif defined(POSEWIRE_STATIC)
#define PW_API
#else
#define PW_API __declspec(dllimport)
#endif
#define PW_CALL __cdecl
#else
#define PW_API __attribute__((visibility("default")))
#define PW_CALL
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when something changes that isn't an addition. */
#define PW_ABI_VERSION 1

/* The ABI version of the library that is running: compare it with PW_ABI_VERSION before anything else. */
PW_API uint32_t PW_CALL pw_abi_version(void);
/* The library's version, for example "0.1.0". */
PW_API const char *PW_CALL pw_version(void);

/* ---------------------------------------------------------------------------------------------- errors */

/* The standard RPC status codes, the same numbers as on the wire and in Python's `errors.Code`. */
typedef enum pw_code {
    PW_OK = 0,
    PW_CANCELLED = 1,            /* the caller no longer wants it */
    PW_UNKNOWN = 2,              /* nobody knows */
    PW_INVALID_ARGUMENT = 3,     /* asked for something that can't be */
    PW_DEADLINE_EXCEEDED = 4,    /* time ran out */
    PW_NOT_FOUND = 5,            /* no such model */
    PW_PERMISSION_DENIED = 7,    /* the token doesn't allow this */
    PW_RESOURCE_EXHAUSTED = 8,   /* no room now; a later try may work */
    PW_FAILED_PRECONDITION = 9,  /* not in this state */
    PW_INTERNAL = 13,            /* the other side broke the contract, or failed */
    PW_UNAVAILABLE = 14,         /* no server answers there, or the connection broke */
    PW_UNAUTHENTICATED = 16      /* no token, or a wrong one */
} pw_code;

/* What was expected, what was found, what to do: about this thread's last call that failed. Borrowed until
 * the thread's next call that fails; never NULL. */
PW_API const char *PW_CALL pw_last_error(void);
/* The name of a code, for example "UNAVAILABLE". */
PW_API const char *PW_CALL pw_code_name(int32_t code);

/* --------------------------------------------------------------------------------------- handles, enums */

typedef struct pw_client pw_client;         /* a connection to one server */
typedef struct pw_stream pw_stream;         /* the answer to one request: events and frames, as they arrive */
typedef struct pw_reply pw_reply;           /* the answer to `pw_warm` or `pw_models` */
typedef struct pw_skeleton pw_skeleton;     /* joints in rest pose; never changes */
typedef struct pw_retargeter pw_retargeter; /* one skeleton's motion on another, frame by frame */
typedef struct pw_player pw_player;         /* what one character plays */

/* Spaces of other programs. */
typedef enum pw_frame {
    PW_FRAME_CANONICAL = 0,        /* Posewire's own */
    PW_FRAME_GLTF = 1,             /* the same */
    PW_FRAME_GODOT = 2,            /* the same */
    PW_FRAME_UNITY = 3,            /* left-handed, left is -X */
    PW_FRAME_BLENDER = 4,          /* Z up, facing -Y */
    PW_FRAME_UNREAL_COMPONENT = 5, /* left-handed, Z up, centimetres, facing +Y as meshes do: bones */
    PW_FRAME_UNREAL_ACTOR = 6      /* the same, facing +X as actors do: transforms in the level */
} pw_frame;

/* How frames become bytes on the wire. */
typedef enum pw_packing {
    PW_PACKING_FLOAT32 = 1,           /* exact; 365 bytes a frame for 22 joints */
    PW_PACKING_SMALLEST_THREE_48 = 2  /* within 0.0001; 145 bytes */
} pw_packing;

/* Who goes first when the server hasn't room for everybody. */
typedef enum pw_priority {
    PW_PRIORITY_BULK = 1,        /* when nothing else waits */
    PW_PRIORITY_NORMAL = 2,
    PW_PRIORITY_INTERACTIVE = 3  /* somebody is watching */
} pw_priority;

/* ------------------------------------------------------------------------------------------- skeletons */

/* What the numbers of a rest pose are relative to. */
typedef enum pw_rest {
    PW_REST_WIRE = 0,  /* positions to the model, rotations to the parent: as they travel */
    PW_REST_LOCAL = 1, /* both to the parent: what engines call local transforms */
    PW_REST_MODEL = 2  /* both to the model */
} pw_rest;

/* One joint in its rest pose. */
typedef struct pw_joint {
    const char *name;  /* unique in the skeleton */
    int32_t parent;    /* index of the parent, which stands earlier in the list; -1: none */
    float position[3];
    float rotation[4]; /* x, y, z, w; all zero: identity */
} pw_joint;

typedef struct pw_skeleton_options {
    uint32_t struct_size;
    uint32_t frame;         /* pw_frame that the numbers are in; default canonical */
    uint32_t rest;          /* pw_rest; default PW_REST_WIRE */
    uint32_t joint_count;
    const pw_joint *joints; /* parents first, in the pose that the mesh is bound in */
    int32_t pelvis;         /* index of the joint that a frame's root position places; default 0 */
    float sole;             /* height of the soles in rest pose, in the model's space and `frame`'s units; default 0 */
} pw_skeleton_options;

PW_API void PW_CALL pw_skeleton_options_init(pw_skeleton_options *options, uint32_t struct_size);
/* Fails with PW_INVALID_ARGUMENT where names repeat, a parent comes late, or a number isn't one. */
PW_API pw_code PW_CALL pw_skeleton_create(const pw_skeleton_options *options, pw_skeleton **out);
PW_API void PW_CALL pw_skeleton_destroy(pw_skeleton *skeleton);

PW_API uint32_t PW_CALL pw_skeleton_joint_count(const pw_skeleton *skeleton);
PW_API uint32_t PW_CALL pw_skeleton_pelvis(const pw_skeleton *skeleton);
PW_API float PW_CALL pw_skeleton_sole(const pw_skeleton *skeleton); /* metres */
/* One joint, canonical and as PW_REST_WIRE; its name is borrowed from the skeleton. */
PW_API pw_code PW_CALL pw_skeleton_joint(const pw_skeleton *skeleton, uint32_t index, pw_joint *out);
/* Index of a joint by name; -1: there is none. */
PW_API int32_t PW_CALL pw_skeleton_find(const pw_skeleton *skeleton, const char *name);
/* Forward kinematics of one frame, all canonical: parent-relative rotations (joints x 4) and the pelvis'
 * position (3) to the model space rotations and positions (joints x 3) of all joints. Doesn't allocate. */
PW_API pw_code PW_CALL pw_skeleton_forward(const pw_skeleton *skeleton, const float *rotations, const float *root,
                                           float *model_rotations, float *model_positions);

/* Which bone of a character plays which joint of the model. */
typedef struct pw_bone {
    const char *joint; /* the model's name, for example "L_Elbow" */
    const char *bone;  /* the character's, for example "lowerarm_l" */
} pw_bone;

/* Recognise a character's rig (Unreal 4 and 5, Unity, VRM, Mixamo, Godot, Rigify) from its bones' names.
 * Writes at most `capacity` pairs, sets `count` to how many there are (at most 22) and `rig`, which may be
 * NULL, to the rig's name. The texts are borrowed from the skeleton. Fails with PW_INVALID_ARGUMENT and
 * says which bones are missing when no rig fits. */
PW_API pw_code PW_CALL pw_skeleton_guess_bones(const pw_skeleton *skeleton, pw_bone *bones, uint32_t capacity,
                                               uint32_t *count, const char **rig);

/* ------------------------------------------------------------------------------------ coordinates, bytes */

/* `count` positions (3 floats each) or quaternions (4 floats each), from canonical to a program's frame and
 * back. `in` and `out` may be the same. Parent-relative values convert one by one just as well. */
PW_API pw_code PW_CALL pw_positions_to(uint32_t frame, const float *in, float *out, size_t count);
PW_API pw_code PW_CALL pw_positions_from(uint32_t frame, const float *in, float *out, size_t count);
PW_API pw_code PW_CALL pw_rotations_to(uint32_t frame, const float *in, float *out, size_t count);
PW_API pw_code PW_CALL pw_rotations_from(uint32_t frame, const float *in, float *out, size_t count);

/* Bytes of one packed frame; 0: no such packing. */
PW_API size_t PW_CALL pw_frame_bytes(uint32_t packing, uint32_t joints);
/* Unpack frames that came over a transport of your own: rotations (frames x joints x 4), roots (frames x 3)
 * and contact bits (frames). Fails with PW_INVALID_ARGUMENT unless `size` is `frames * pw_frame_bytes`. */
PW_API pw_code PW_CALL pw_unpack(uint32_t packing, uint32_t joints, uint32_t frames, const uint8_t *data, size_t size,
                                 float *rotations, float *roots, uint8_t *contacts);

/* ------------------------------------------------------------------------------------------------ client */

typedef struct pw_client_options {
    uint32_t struct_size;
    int32_t tls;                  /* encrypt; default 0. "https://" in `target` sets it, "http://" clears it */
    const char *target;           /* "host:port"; default "127.0.0.1:50051" */
    const char *token;            /* sent with each call; default NULL: none. Without TLS anybody on the way reads it */
    const char *ca_pem;           /* certificates to trust; default NULL: the system's */
    const char *certificate_pem;  /* this client's certificate, for mutual TLS; default NULL */
    const char *key_pem;          /* and its key; default NULL */
    const char *server_name;      /* the name the server's certificate must have; default NULL: that of `target` */
    double backoff_min_seconds;   /* wait before the first try to connect again; default 0.2 */
    double backoff_max_seconds;   /* and the longest wait, to which it grows; default 5 */
    double keepalive_seconds;     /* ask a silent connection whether it lives; default 0: never. A server ends
                                     connections that ask more often than it allows */
    double shutdown_seconds;      /* most that `pw_client_destroy` waits; default 2 */
} pw_client_options;

/* What the connection does; for a status line. */
typedef enum pw_client_state {
    PW_CLIENT_IDLE = 0,       /* not connected, and nobody asked */
    PW_CLIENT_CONNECTING = 1,
    PW_CLIENT_READY = 2,      /* connected */
    PW_CLIENT_WAITING = 3     /* the last try failed; the next one is due after the back-off */
} pw_client_state;

PW_API void PW_CALL pw_client_options_init(pw_client_options *options, uint32_t struct_size);
/* Doesn't connect yet and doesn't wait: the first call connects, or `pw_client_connect`. */
PW_API pw_code PW_CALL pw_client_create(const pw_client_options *options, pw_client **out);
/* Cancels what still runs and joins the network thread, within `shutdown_seconds`. */
PW_API void PW_CALL pw_client_destroy(pw_client *client);
/* Begin to connect, or go on trying; returns at once. */
PW_API void PW_CALL pw_client_connect(pw_client *client);
PW_API pw_client_state PW_CALL pw_client_get_state(pw_client *client);
/* Connect and wait so long; PW_UNAVAILABLE when it isn't connected by then. */
PW_API pw_code PW_CALL pw_client_wait_ready(pw_client *client, double seconds);

/* -------------------------------------------------------------------------------------------- generating */

typedef struct pw_generate_options {
    uint32_t struct_size;
    uint32_t frames;             /* length in frames of the model's rate; default 0: see `seconds` */
    double seconds;              /* length; default 0: estimated from the prompt. Not together with `frames` */
    const char *prompt;          /* what the character does; required */
    const char *model;           /* default NULL: the server's default model */
    const char *preset;          /* one of the model's presets; default NULL: its default */
    const char *solver;          /* default NULL: the preset's */
    const char *request_id;      /* your own id, for the server's log; default NULL */
    const uint64_t *seeds;       /* one clip for each; default NULL: one clip, its seed picked by the server */
    uint32_t seed_count;
    uint32_t steps;              /* network steps; default 0: the preset's */
    float guidance;              /* default NaN: the preset's; at most 1: off */
    uint32_t packing;            /* pw_packing; default PW_PACKING_FLOAT32 */
    double rate;                 /* 0 (default): as fast as possible; 1: a second of motion each second */
    double ahead_seconds;        /* with a rate: what is sent at once, ahead of time; 0 (default): the server's */
    uint32_t chunk_frames;       /* most frames in a chunk; 0 (default): the server chooses */
    uint32_t priority;           /* pw_priority; default PW_PRIORITY_NORMAL */
    int32_t ground;              /* put the feet on the floor; default 1 */
    int32_t smooth;              /* smooth as the model's own decoder does; default 1 */
    int32_t progress;            /* PW_EVENT_PROGRESS after each step; default 0 */
    int32_t special_game;        /* HY-Motion's sentence vector for game-like motion; default 0 */
    const pw_skeleton *target;   /* retarget on the server to this character; default NULL: the model's own
                                    skeleton. A player retargets too, and for many characters at once */
    const pw_bone *bones;        /* for `target`; NULL: `pw_skeleton_guess_bones` */
    uint32_t bone_count;
    int32_t match_limbs;         /* bring the arms of an A-pose to the T-pose first; default 1 */
    int32_t scale_travel;        /* scale the whole path by the ratio of hip heights; default 1; 0: only heights */
    int32_t wait_for_server;     /* wait for the server to come up rather than fail at once; default 0 */
    double timeout_seconds;      /* for the whole stream; default 0: none */
    double resume_seconds;       /* when the connection breaks on the way, ask again with the same seeds for so
                                    long, and go on where it broke; default 0: the stream fails at once */
    int32_t verbatim;            /* take the prompt as it is, also where the server has a language model rewrite
                                    prompts; default 0 */
} pw_generate_options;

PW_API void PW_CALL pw_generate_options_init(pw_generate_options *options, uint32_t struct_size);
/* Ask for motion; returns at once. What the server refuses comes as the stream's status. */
PW_API pw_code PW_CALL pw_generate(pw_client *client, const pw_generate_options *options, pw_stream **out);
/* Stop: the server drops the work. The status that follows says PW_CANCELLED; frames that arrived stay. */
PW_API void PW_CALL pw_stream_cancel(pw_stream *stream);
/* Cancels what still runs. Players keep the frames they play. */
PW_API void PW_CALL pw_stream_destroy(pw_stream *stream);

/* ------------------------------------------------------------------------------------------------ events */

typedef enum pw_event_kind {
    PW_EVENT_NONE = 0,
    PW_EVENT_HEADER = 1,     /* first, once: `pw_stream_header` works from here */
    PW_EVENT_CLIP_START = 2, /* a clip begins: clip, seed, frames */
    PW_EVENT_CHUNK = 3,      /* frames: clip, first_frame, frames, time, rotations, roots, contacts */
    PW_EVENT_CLIP_END = 4,   /* a clip is complete: clip, frames, timings */
    PW_EVENT_PROGRESS = 5,   /* a step was made: clip, step, steps */
    PW_EVENT_NOTICE = 6,     /* something to know: name, message */
    PW_EVENT_STATUS = 7,     /* last, once: code, message, timings, retry_after_seconds */
    PW_EVENT_STARTED = 8,    /* of a live session: it runs, or runs again; see `pw_live_describe` */
    PW_EVENT_SEGMENT = 9,    /* of a live session: from a frame on this is shown: first_frame, seed, command,
                                message (the prompt; empty: the character stands) */
    PW_EVENT_ANSWER = 10     /* of a live session: what became of a command: command, code, message */
} pw_event_kind;

/* Time spent in one stage. */
typedef struct pw_timing {
    const char *stage; /* queue, tokenise, encode, condition, step, decode, post, pack or send */
    uint64_t nanoseconds;
} pw_timing;

/* One event of a stream. Fields that its kind doesn't name are zero. Pointers hold until the stream's next
 * `poll` or `next`. Chunks that were not fetched in time may come as one. */
typedef struct pw_event {
    uint32_t struct_size;
    uint32_t kind;              /* pw_event_kind */
    uint32_t clip;              /* index of the clip: that of its seed */
    uint32_t first_frame;
    uint32_t frames;
    uint32_t step;              /* steps done */
    uint32_t steps;             /* steps in all */
    int32_t code;               /* pw_code; of the whole stream */
    uint64_t seed;              /* the seed that gives this clip again */
    double time;                /* seconds from the clip's start to `first_frame` */
    double retry_after_seconds; /* when trying again makes sense; negative: it won't help */
    const char *name;           /* a notice's stable word, for example "frames_raised" */
    const char *message;        /* a sentence for people */
    const float *rotations;     /* frames x joints x 4, canonical, parent-relative */
    const float *roots;         /* frames x 3: the pelvis in the world */
    const uint8_t *contacts;    /* frames: bits in the order of `pw_header.contact_names` */
    const pw_timing *timings;
    uint32_t timing_count;
    uint64_t command;           /* the number that `pw_live_*` gave; 0: the session's own beginning */
} pw_event;

typedef enum pw_poll {
    PW_POLL_ENDED = -1, /* the status was fetched already: nothing will come */
    PW_POLL_EMPTY = 0,  /* nothing yet */
    PW_POLL_EVENT = 1   /* the event was filled in */
} pw_poll;

/* The next event, if one is there; for a game's frame loop. */
PW_API pw_poll PW_CALL pw_stream_poll(pw_stream *stream, pw_event *event);
/* The next event; waits for it so long. */
PW_API pw_poll PW_CALL pw_stream_next(pw_stream *stream, double seconds, pw_event *event);

/* What is known before the first frame. Texts and pointers are borrowed from the stream. */
typedef struct pw_header {
    uint32_t struct_size;
    uint32_t packing;                 /* pw_packing */
    uint32_t frame_bytes;
    uint32_t clips;                   /* clips that will follow */
    double fps;
    float familiarity;                /* how well the model knows such prompts, 0 to 1; negative: not measured */
    uint32_t contact_count;
    const char *const *contact_names; /* of the bits of a frame's contacts, lowest first */
    const char *stream_id;            /* the server's id of this request, as in its log */
    const char *model;                /* the model that answers */
    const char *convention;           /* the coordinate convention, in words */
    const char *licence_notice;       /* what must be shown about the weights; empty: nothing */
    const char *nearest_prompt;       /* the known prompt nearest to this one; empty: no such list */
    const pw_skeleton *skeleton;      /* of the frames */
} pw_header;

/* PW_FAILED_PRECONDITION until the header has arrived. */
PW_API pw_code PW_CALL pw_stream_header(pw_stream *stream, pw_header *out);

/* Streams over a transport of your own (a WebSocket, a file, a test): serialized `GenerateResponse` messages go
 * in, everything else is as with `pw_generate`. */
PW_API pw_code PW_CALL pw_stream_create(pw_stream **out);
/* One message. What breaks the contract ends the stream with PW_INTERNAL. One thread at a time feeds; it may be
 * another one than the one that polls. */
PW_API pw_code PW_CALL pw_stream_feed(pw_stream *stream, const uint8_t *message, size_t size);
/* The transport has ended; code PW_OK: well. */
PW_API pw_code PW_CALL pw_stream_finish(pw_stream *stream, int32_t code, const char *message);

/* -------------------------------------------------------------------------------------- warming, models */

typedef struct pw_warm_options {
    uint32_t struct_size;
    uint32_t model_count;
    const char *const *models;  /* to load; default none: the server's default model */
    const char *const *prompts; /* to encode with each of them */
    uint32_t prompt_count;
    int32_t wait_for_server;    /* wait for the server to come up rather than fail at once; default 0 */
    double timeout_seconds;     /* default 120 */
} pw_warm_options;

PW_API void PW_CALL pw_warm_options_init(pw_warm_options *options, uint32_t struct_size);
/* Load models and encode prompts ahead of time, so that the first request isn't the cold one; returns at once.
 * NULL options: defaults. */
PW_API pw_code PW_CALL pw_warm(pw_client *client, const pw_warm_options *options, pw_reply **out);
/* Ask what is served; returns at once. */
PW_API pw_code PW_CALL pw_models(pw_client *client, double timeout_seconds, pw_reply **out);

/* Whether the reply is there; waits for it so long (0: just look). */
PW_API int32_t PW_CALL pw_reply_wait(pw_reply *reply, double seconds);
/* How the call went; PW_FAILED_PRECONDITION while it runs. */
PW_API pw_code PW_CALL pw_reply_code(const pw_reply *reply);
/* What went wrong; empty: nothing. */
PW_API const char *PW_CALL pw_reply_message(const pw_reply *reply);
/* Seconds after which trying again makes sense; negative: it won't help. */
PW_API double PW_CALL pw_reply_retry_after(const pw_reply *reply);
/* Of `pw_models`: the server's version. Empty until it is there. */
PW_API const char *PW_CALL pw_reply_server_version(const pw_reply *reply);
/* Of `pw_warm`: how many prompts weren't encoded before. */
PW_API uint32_t PW_CALL pw_reply_encoded(const pw_reply *reply);
/* How many models were served or warmed. */
PW_API uint32_t PW_CALL pw_reply_model_count(const pw_reply *reply);
/* Cancels a call that still runs. */
PW_API void PW_CALL pw_reply_destroy(pw_reply *reply);

/* A named number of steps. */
typedef struct pw_preset {
    const char *name;
    uint32_t steps;
    int32_t is_default;
} pw_preset;

/* A model and what it can be asked for. All pointers are borrowed from the reply. */
typedef struct pw_model {
    uint32_t struct_size;
    int32_t is_default;                /* requests that name no model get this one (of `pw_models` only) */
    int32_t loaded;                    /* it is in memory */
    int32_t restricts_outputs;         /* the licence also binds the motion that is made */
    double fps;
    uint32_t min_frames;               /* shorter requests are raised to this */
    uint32_t max_frames;               /* longer ones are refused */
    uint32_t max_steps;
    uint32_t max_prompt;               /* characters */
    uint32_t max_seeds;                /* seeds of one request */
    float fixed_guidance;              /* the guidance folded into the weights; NaN: it can be chosen */
    uint32_t preset_count;
    uint32_t provider_count;
    uint32_t solver_count;
    const pw_preset *presets;
    const char *const *providers;      /* the execution providers that really run it */
    const char *const *solvers;        /* that a request may choose; none: there is but one way */
    const char *name;
    const char *family;
    const char *description;
    const char *licence;               /* SPDX identifier or the licence's own name */
    const char *licence_notice;        /* to show and pass on */
    const char *territory;             /* where it may be used; empty: everywhere */
    const pw_skeleton *skeleton;
    int32_t degraded;                  /* lately it made nothing that was usable: better ask another model */
} pw_model;

PW_API pw_code PW_CALL pw_reply_model(const pw_reply *reply, uint32_t index, pw_model *out);

/* --------------------------------------------------------------------------------------- live sessions */

/* A character that moves without end: while it plays, the server makes what follows, and commands say what that
 * shall be. A live session is a stream like any other (`pw_stream_poll`, `_next`, `_header`, `_cancel`, `_destroy`
 * and `pw_player_play` work on it), except that
 *   - it has one clip, 0, which ends with the session. It can't be looped or sought in.
 *   - one player at a time plays it, from where it was played last. That player tells the server how far it is:
 *     the server stays `ahead_seconds` before it and waits when it stands still. Whoever plays by other means
 *     calls `pw_live_played`.
 *   - PW_EVENT_CHUNK says which frames came, with rotations, roots and contacts NULL: `pw_live_frames` copies them
 *     while they are kept, which is until a while after they were played.
 *   - where its connection breaks, the client comes back to the session by itself (`resume_seconds`), and the player
 *     holds its pose meanwhile if it must. When the server itself is gone, and the session with it, the stream ends
 *     with its status; a new session on the same player (`wait_for_server`) fades in and goes on from there.
 *
 * Every command returns at once and gives its number through `command` (which may be NULL). What became of it comes
 * as PW_EVENT_ANSWER with that number; a command that the server refuses changes nothing. A command that was on its
 * way when the connection broke is given again. Commands to a session that has ended fail with
 * PW_FAILED_PRECONDITION. */
typedef struct pw_live_options {
    uint32_t struct_size;
    uint32_t packing;            /* pw_packing; default PW_PACKING_FLOAT32 */
    const char *prompt;          /* what the character does first; default NULL: it stands */
    const char *model;           /* default NULL: the server's default model */
    const char *preset;          /* one of the model's presets; default NULL: its default */
    const char *solver;          /* default NULL: the preset's */
    const char *request_id;      /* your own id, for the server's log; default NULL */
    const uint64_t *seed;        /* one; default NULL: picked by the server */
    uint32_t steps;              /* network steps; default 0: the preset's */
    float guidance;              /* default NaN: the preset's; at most 1: off */
    uint32_t chunk_frames;       /* most frames in a chunk; 0 (default): the server chooses */
    uint32_t priority;           /* pw_priority; default PW_PRIORITY_INTERACTIVE */
    double ahead_seconds;        /* of motion that is sent before it is due, and so about how long a new prompt takes
                                    to be seen; 0 (default): the server chooses */
    float position[3];           /* where the session's own path begins, canonical; default the origin */
    float heading;               /* and where it faces: radians about +Y from +Z, positive to the left; default 0 */
    int32_t special_game;        /* HY-Motion's sentence vector for game-like motion; default 0 */
    const pw_skeleton *target;   /* as in `pw_generate_options` */
    const pw_bone *bones;
    uint32_t bone_count;
    int32_t match_limbs;         /* default 1 */
    int32_t scale_travel;        /* default 1 */
    int32_t wait_for_server;     /* wait for the server to come up rather than fail at once; default 0 */
    double resume_seconds;       /* when the connection breaks, come back to the session for so long, as far as the
                                    server keeps it; default 20; 0: the stream fails at once */
} pw_live_options;

PW_API void PW_CALL pw_live_options_init(pw_live_options *options, uint32_t struct_size);
/* Begin a session; returns at once. What the server refuses comes as the stream's status. */
PW_API pw_code PW_CALL pw_live_open(pw_client *client, const pw_live_options *options, pw_stream **out);

/* Do this, from the first frame on that wasn't sent yet, again and again. `seed` NULL: picked by the server.
 * `queued`: not now but once the present prompt has been done; several queue up. Else what was queued is forgotten. */
PW_API pw_code PW_CALL pw_live_prompt(pw_stream *live, const char *prompt, const uint64_t *seed, int32_t queued,
                                      uint64_t *command);
/* Come to rest and stand, until there is another prompt. */
PW_API pw_code PW_CALL pw_live_stop(pw_stream *live, uint64_t *command);
/* Bend the path towards a place (3) and, there or at once where there is none, turn to face as `rotation` (4) does,
 * the turn about the vertical away from rest. Either may be NULL, not both. How fast it goes is the prompt's business;
 * the notice "target_reached" says when it is there. `through` is the player that plays this session: both are in its
 * frame and on its path, as in `pw_player_place`. NULL: both are canonical and on the session's own path. */
PW_API pw_code PW_CALL pw_live_target(pw_stream *live, const pw_player *through, const float *position,
                                      const float *rotation, uint64_t *command);
/* Go slower or faster: times the motion's own speed. */
PW_API pw_code PW_CALL pw_live_pace(pw_stream *live, double rate, uint64_t *command);
/* Forget queued prompts and the target, and go back to pace 1. The present prompt goes on. */
PW_API pw_code PW_CALL pw_live_clear(pw_stream *live, uint64_t *command);
/* End the session well: its status will be PW_OK, and its player comes to PW_PLAYER_ENDED. */
PW_API pw_code PW_CALL pw_live_close(pw_stream *live);

/* Without a player: so many frames have been played. */
PW_API pw_code PW_CALL pw_live_played(pw_stream *live, uint32_t frames);
/* Copy frames of the session: rotations (frames x joints x 4), roots (frames x 3), contacts (frames), each of which may
 * be NULL. PW_FAILED_PRECONDITION when one of them isn't here yet, or not any more. Where a player plays the session,
 * on that player's thread. */
PW_API pw_code PW_CALL pw_live_frames(pw_stream *live, uint32_t first_frame, uint32_t frames, float *rotations,
                                      float *roots, uint8_t *contacts);

/* Where a session stands. */
typedef struct pw_live_info {
    uint32_t struct_size;
    int32_t started;         /* the server has begun it: what follows is known */
    int32_t connected;       /* 0: before it began, after it ended, and while the client comes back to it */
    uint32_t frames;         /* that have arrived, from the session's beginning on */
    uint32_t played;         /* of them, that have been played */
    uint32_t resumes;        /* how often the client came back to it */
    double ahead_seconds;    /* of motion that the server sends before it is due */
    double resume_seconds;   /* that the server keeps it for a client whose connection broke */
    double idle_seconds;     /* without a command or a moving play head, after which the server ends it */
    const char *session_id;  /* the server's name for it; borrowed until the stream's next call. Empty: not known */
} pw_live_info;

PW_API pw_code PW_CALL pw_live_describe(pw_stream *live, pw_live_info *out);

/* ----------------------------------------------------------------------------------------- retargeting */

typedef struct pw_retarget_options {
    uint32_t struct_size;
    int32_t match_limbs;       /* bring the arms of an A-pose to the T-pose first; default 1 */
    int32_t scale_travel;      /* scale the whole path by the ratio of hip heights; default 1; 0: only heights */
    uint32_t bone_count;
    const pw_bone *bones;      /* default NULL: `pw_skeleton_guess_bones` */
} pw_retarget_options;

PW_API void PW_CALL pw_retarget_options_init(pw_retarget_options *options, uint32_t struct_size);
/* `options` NULL: defaults. */
PW_API pw_code PW_CALL pw_retargeter_create(const pw_skeleton *source, const pw_skeleton *target,
                                            const pw_retarget_options *options, pw_retargeter **out);
PW_API void PW_CALL pw_retargeter_destroy(pw_retargeter *retargeter);
/* One frame, canonical: the source's rotations (joints x 4) and root (3) to the target's. Doesn't allocate. */
PW_API pw_code PW_CALL pw_retarget(pw_retargeter *retargeter, const float *rotations, const float *root,
                                   float *target_rotations, float *target_root);

/* ---------------------------------------------------------------------------------------------- playing */

/* Where the travel of a motion goes. */
typedef enum pw_root {
    PW_ROOT_AS_SENT = 0, /* the path as it was generated; a new motion begins at the origin again */
    PW_ROOT_TRAVEL = 1,  /* one path through all motions and loops: each goes on where the last one led */
    PW_ROOT_IN_PLACE = 2 /* travel and heading are taken out of the pose: fetch them with
                            `pw_player_take_root_motion` and move the character by them */
} pw_root;

typedef struct pw_player_options {
    uint32_t struct_size;
    uint32_t frame;            /* pw_frame of everything the player gives; default canonical */
    uint32_t root;             /* pw_root; default PW_ROOT_TRAVEL */
    uint32_t max_joints;       /* most joints of a motion it plays: room is taken at once; default 256 */
    const pw_skeleton *target; /* the character; default NULL: poses come on the motion's own skeleton */
    const pw_bone *bones;      /* for `target`; default NULL: `pw_skeleton_guess_bones` */
    uint32_t bone_count;
    int32_t match_limbs;       /* bring the arms of an A-pose to the T-pose first; default 1 */
    int32_t scale_travel;      /* scale the whole path by the ratio of hip heights; default 1; 0: only heights */
    float foot_ik;             /* how firmly feet that touch the floor stay where they are, 0 (default) to 1 */
    double buffer_seconds;     /* how much must have arrived before a motion begins, or goes on after it ran dry;
                                  default 0.1 */
} pw_player_options;

PW_API void PW_CALL pw_player_options_init(pw_player_options *options, uint32_t struct_size);
/* `options` NULL: defaults. */
PW_API pw_code PW_CALL pw_player_create(const pw_player_options *options, pw_player **out);
PW_API void PW_CALL pw_player_destroy(pw_player *player);

typedef struct pw_play_options {
    uint32_t struct_size;
    int32_t loop;             /* begin again at the end; default 0 */
    double fade_seconds;      /* cross-fade from what plays now; default 0.25 */
    double loop_fade_seconds; /* cross-fade from the end to the beginning; default 0.25 */
    double start_seconds;     /* where to begin; default 0 */
    double speed;             /* times real time; default 1 */
} pw_play_options;

PW_API void PW_CALL pw_play_options_init(pw_play_options *options, uint32_t struct_size);
/* Play a clip of a stream, as soon as enough of it has arrived; what plays now goes on until then. NULL options:
 * defaults. The only function of a playing player that allocates. */
PW_API pw_code PW_CALL pw_player_play(pw_player *player, pw_stream *stream, uint32_t clip,
                                      const pw_play_options *options);
/* Forget all motions; the next one begins at once and without a fade. The place on the path is kept. */
PW_API void PW_CALL pw_player_clear(pw_player *player);
/* Stand here, in the player's frame: where the floor under the pelvis is (3), and the turn about the vertical
 * away from rest (4). Only with PW_ROOT_TRAVEL does the pose follow. */
PW_API pw_code PW_CALL pw_player_place(pw_player *player, const float *position, const float *rotation);
/* Jump within the newest motion, without root motion or contact events. */
PW_API pw_code PW_CALL pw_player_seek(pw_player *player, double seconds);
/* Speed of the newest motion, times real time; 0: stand still. */
PW_API pw_code PW_CALL pw_player_set_speed(pw_player *player, double speed);

typedef enum pw_player_state {
    PW_PLAYER_IDLE = 0,      /* nothing to play */
    PW_PLAYER_BUFFERING = 1, /* waits for the first frames of a motion */
    PW_PLAYER_PLAYING = 2,
    PW_PLAYER_STARVED = 3,   /* holds its pose: frames didn't arrive in time */
    PW_PLAYER_ENDED = 4,     /* holds the last pose */
    PW_PLAYER_FAILED = 5     /* holds its pose: the motion can't go on, see `pw_player_error` */
} pw_player_state;

/* Move the play head. Like `pw_player_sample` it neither waits, locks nor allocates. */
PW_API void PW_CALL pw_player_advance(pw_player *player, double seconds);

/* Everything about this moment except the rotations. In the player's frame. */
typedef struct pw_pose {
    uint32_t struct_size;
    uint32_t state;          /* pw_player_state of the newest motion that is seen */
    int32_t has_pose;        /* there is something to apply; 0 until the first motion has begun */
    int32_t waiting;         /* another motion waits for its first frames */
    uint32_t joints;         /* of the pose; 0: not known yet */
    uint32_t contacts;       /* which feet touch: bits in the order of `pw_header.contact_names` */
    int32_t code;            /* pw_code of the last motion, where it failed: see `pw_player_error` */
    uint32_t loops;          /* how often the motion began again */
    double time;             /* play head, seconds in the motion */
    double duration;         /* of the motion; 0: not known yet */
    double buffered;         /* seconds ahead of the play head that have arrived */
    float root_position[3];  /* the pelvis in model space */
    float pelvis_position[3];/* the same relative to the pelvis' parent bone */
    float position[3];       /* the path: the floor under the pelvis (PW_ROOT_IN_PLACE: since the last `place`) */
    float rotation[4];       /* and the turn about the vertical */
} pw_pose;

/* The pose at the play head: parent-relative rotations of all joints of `pw_player_skeleton`, 4 floats each, into
 * room for `capacity` joints. Joints that nothing drives keep their rest rotation; write only the pelvis' position,
 * all others keep their own. PW_INVALID_ARGUMENT when there is too little room (`pose->joints` says how much it
 * takes). `rotations` may be NULL with capacity 0, for the state alone. */
PW_API pw_code PW_CALL pw_player_sample(pw_player *player, float *rotations, uint32_t capacity, pw_pose *pose);

/* What went wrong with the last motion, where `pw_pose.code` says that something did; empty: nothing did. Borrowed
 * until the player's next call. */
PW_API const char *PW_CALL pw_player_error(const pw_player *player);

/* The skeleton of the poses: the target, or that of the newest motion. Borrowed until the next `play` or `clear`;
 * NULL: not known yet. */
PW_API const pw_skeleton *PW_CALL pw_player_skeleton(const pw_player *player);
/* Which joints the motion drives: one byte each, 1 or 0. Fails like `pw_player_sample`. */
PW_API pw_code PW_CALL pw_player_driven(const pw_player *player, uint8_t *driven, uint32_t capacity);

/* Travel and turn since the last time, relative to where the character stood and headed then. */
typedef struct pw_root_motion {
    float translation[3];
    float rotation[4];
} pw_root_motion;

PW_API void PW_CALL pw_player_take_root_motion(pw_player *player, pw_root_motion *out);

/* A foot comes down or lifts. */
typedef struct pw_contact {
    uint32_t bit;  /* which: its place in `pw_header.contact_names` */
    int32_t began; /* 1: came down; 0: lifts */
    double time;   /* seconds in the motion */
} pw_contact;

/* The next contact event that the play head has passed; 0: none. The last 64 are kept. */
PW_API int32_t PW_CALL pw_player_next_contact(pw_player *player, pw_contact *out);

#ifdef __cplusplus
}
#endif

#endif
