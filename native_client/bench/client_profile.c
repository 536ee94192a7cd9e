/* Measures what a game sees of a server, through the library's player: figures for posewire profile --client.
 *
 *     client_profile client.json "a person walks" [host:port]
 *
 * Ends with 0 when the motion was played to its end. */
#include <posewire.h>
#include <stdio.h>
#include <threads.h>
#include <time.h>

enum { MAX_JOINTS = 64, PROFILED_PER_SECOND = 1000, PROFILED_SECONDS = 60 };

static void sleep_seconds(double seconds) {
    const struct timespec span = {0, (long)(seconds * 1e9)};
    thrd_sleep(&span, NULL);
}

static double now(void) {
    struct timespec at;
    timespec_get(&at, TIME_UTC);
    return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
}

static int fail(const char* what) {
    fprintf(stderr, "%s: %s\n", what, pw_last_error());
    return 1;
}

/* What a game sees of one stream, in seconds. */
typedef struct figures {
    double first_pose, last_chunk, gaps, worst_gap, samples, worst_sample;
    unsigned chunks, sampled;
} figures;

static void note_chunks(pw_stream* stream, figures* seen) {
    pw_event event = {.struct_size = sizeof event};
    while (pw_stream_poll(stream, &event) == PW_POLL_EVENT) {
        if (event.kind != PW_EVENT_CHUNK) continue;
        const double at = now(), gap = seen->chunks ? at - seen->last_chunk : 0;
        seen->gaps += gap;
        if (gap > seen->worst_gap) seen->worst_gap = gap;
        seen->last_chunk = at;
        seen->chunks++;
    }
}

static int write_figures(const char* path, const figures* seen) {
    FILE* file = fopen(path, "w");
    if (!file) return perror(path), 1;
    fprintf(file,
            "{\"client\": \"posewire native\", \"time_to_first_pose_ms\": %.3f, \"chunks\": %u,\n"
            " \"mean_gap_ms\": %.3f, \"worst_gap_ms\": %.3f, \"poses_sampled\": %u,\n"
            " \"mean_sampling_us\": %.3f, \"worst_sampling_us\": %.3f}\n",
            seen->first_pose * 1e3, seen->chunks,
            seen->chunks > 1 ? seen->gaps * 1e3 / (seen->chunks - 1) : 0.0, seen->worst_gap * 1e3,
            seen->sampled, seen->sampled ? seen->samples * 1e6 / seen->sampled : 0.0,
            seen->worst_sample * 1e6);
    return fclose(file) ? (perror(path), 1) : 0;
}

/* Plays like a game that draws a thousand frames a second, and writes what it saw. `asked`: when it was asked for. */
static int profile(pw_player* player, pw_stream* stream, double asked, const char* path) {
    float rotations[MAX_JOINTS * 4];
    pw_pose pose = {.struct_size = sizeof pose};
    figures seen = {0};
    for (double before = asked; before - asked < PROFILED_SECONDS;) {
        note_chunks(stream, &seen);
        const double begun = now();
        pw_player_advance(player, begun - before);
        if (pw_player_sample(player, rotations, MAX_JOINTS, &pose) != PW_OK) return fail("sample");
        const double spent = now() - begun;
        if (pose.has_pose && !seen.sampled) seen.first_pose = begun + spent - asked;
        if (pose.has_pose) {
            seen.sampled++;
            seen.samples += spent;
            if (spent > seen.worst_sample) seen.worst_sample = spent;
        }
        if (pose.state == PW_PLAYER_ENDED || pose.state == PW_PLAYER_FAILED) break;
        before = begun;
        sleep_seconds(1.0 / PROFILED_PER_SECOND);
    }
    if (pose.state == PW_PLAYER_ENDED) return write_figures(path, &seen);
    fprintf(stderr, "not played: %s %s\n", pw_code_name(pose.code), pw_player_error(player));
    return 1;
}

int main(int argc, char** argv) {
    if (argc < 3) return fprintf(stderr, "expected a file and a prompt, found %d arguments\n", argc - 1), 2;
    pw_client_options server;
    pw_client_options_init(&server, sizeof server);
    if (argc > 3) server.target = argv[3];
    pw_client* client = NULL;
    if (pw_client_create(&server, &client) != PW_OK) return fail("client");

    pw_generate_options wish;
    pw_generate_options_init(&wish, sizeof wish);
    wish.prompt = argv[2];
    wish.priority = PW_PRIORITY_INTERACTIVE;
    pw_stream* stream = NULL;
    const double asked = now();
    if (pw_generate(client, &wish, &stream) != PW_OK) return fail("generate");

    pw_player* player = NULL;
    if (pw_player_create(NULL, &player) != PW_OK) return fail("player");
    pw_player_play(player, stream, 0, NULL);
    const int result = profile(player, stream, asked, argv[1]);

    pw_player_destroy(player);
    pw_stream_destroy(stream);
    pw_client_destroy(client);
    return result;
}
