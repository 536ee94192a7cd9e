/* Asks a server for a motion and plays it in real time on the console.
 *
 *     posewire serve --port 50051 &
 *     console "a person walks forward, then waves" [host:port] [seconds of the longest wait]
 *
 * Ends with 0 when the motion was played to its end. */
#include <posewire.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

enum { MAX_JOINTS = 64, FRAMES_PER_SECOND = 60 };

static void sleep_seconds(double seconds) {
    const struct timespec span = {0, (long)(seconds * 1e9)};
    thrd_sleep(&span, NULL);
}

static int fail(const char* what) {
    fprintf(stderr, "%s: %s\n", what, pw_last_error());
    return 1;
}

/* What arrived since the last frame. */
static void print_events(pw_stream* stream) {
    pw_event event = {.struct_size = sizeof event};
    while (pw_stream_poll(stream, &event) == PW_POLL_EVENT) {
        pw_header header = {.struct_size = sizeof header};
        switch (event.kind) {
            case PW_EVENT_HEADER:
                pw_stream_header(stream, &header);
                printf("model %s, %u joints, %g frames a second\n", header.model,
                       pw_skeleton_joint_count(header.skeleton), header.fps);
                if (*header.licence_notice) printf("%s\n", header.licence_notice);
                break;
            case PW_EVENT_CLIP_START:
                printf("clip %u: %u frames, seed %llu\n", event.clip, event.frames,
                       (unsigned long long)event.seed);
                break;
            case PW_EVENT_NOTICE:
                printf("%s: %s\n", event.name, event.message);
                break;
            case PW_EVENT_STATUS:
                printf("stream ended: %s %s\n", pw_code_name(event.code), event.message);
                break;
        }
    }
}

/* One line a tenth of a second, and every step of the feet. */
static void print_pose(pw_player* player, const pw_pose* pose, int frame) {
    pw_contact contact;
    while (pw_player_next_contact(player, &contact))
        printf("%6.3f s  foot %u %s\n", contact.time, contact.bit, contact.began ? "comes down" : "lifts");
    if (frame % 6 == 0)
        printf("%6.3f s  pelvis at (%.2f, %.2f, %.2f)\n", pose->time, pose->root_position[0],
               pose->root_position[1], pose->root_position[2]);
}

/* The game's frame loop. */
static int play(pw_player* player, pw_stream* stream, double patience) {
    float rotations[MAX_JOINTS * 4];
    pw_pose pose = {.struct_size = sizeof pose};
    for (int frame = 0; frame < patience * FRAMES_PER_SECOND; ++frame) {
        print_events(stream);
        pw_player_advance(player, 1.0 / FRAMES_PER_SECOND);
        if (pw_player_sample(player, rotations, MAX_JOINTS, &pose) != PW_OK) return fail("sample");
        if (pose.has_pose) print_pose(player, &pose, frame);
        if (pose.state == PW_PLAYER_ENDED) return 0;
        if (pose.state == PW_PLAYER_FAILED) break;
        sleep_seconds(1.0 / FRAMES_PER_SECOND);
    }
    fprintf(stderr, "not played: %s %s\n", pw_code_name(pose.code), pw_player_error(player));
    return 1;
}

int main(int argc, char** argv) {
    pw_client_options server;
    pw_client_options_init(&server, sizeof server);
    if (argc > 2) server.target = argv[2];
    pw_client* client = NULL;
    if (pw_client_create(&server, &client) != PW_OK) return fail("client");

    pw_generate_options wish;
    pw_generate_options_init(&wish, sizeof wish);
    wish.prompt = argc > 1 ? argv[1] : "a person walks forward, then waves";
    wish.priority = PW_PRIORITY_INTERACTIVE;
    pw_stream* stream = NULL;
    if (pw_generate(client, &wish, &stream) != PW_OK) return fail("generate");

    pw_player* player = NULL;
    if (pw_player_create(NULL, &player) != PW_OK) return fail("player");
    pw_player_play(player, stream, 0, NULL);
    const int result = play(player, stream, argc > 3 ? atof(argv[3]) : 60);

    pw_player_destroy(player);
    pw_stream_destroy(stream);
    pw_client_destroy(client);
    return result;
}
