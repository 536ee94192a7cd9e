// Writes valid streams for the fuzzers to begin with: fuzz_seeds FOLDER_OF_FRAMES FOLDER_OF_STREAMS
#include <fstream>

#include "messages.hpp"

namespace {

void write(const std::string& path, const std::vector<uint8_t>& bytes) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), long(bytes.size()));
}

void add_length(std::vector<uint8_t>& out, size_t length) {
    out.push_back(uint8_t(length));
    out.push_back(uint8_t(length >> 8));
}

// All messages, with a look after each; `breaks`: and the whole again from the middle on.
std::vector<uint8_t> stream(const std::vector<std::vector<uint8_t>>& messages, bool breaks) {
    std::vector<uint8_t> out;
    const auto add = [&](size_t count) {
        for (size_t i = 0; i < count; ++i) {
            add_length(out, messages[i].size());
            out.insert(out.end(), messages[i].begin(), messages[i].end());
            add_length(out, 0xfffe);
        }
    };
    if (breaks) {
        add(messages.size() / 2);
        add_length(out, 0xffff);
    }
    add(messages.size());
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const std::string frames = argv[1], streams = argv[2];
    const auto joints = fake::skeleton();
    std::vector<uint8_t> whole = {1, uint8_t(joints->size())}, small = {2, uint8_t(joints->size())};
    for (int f = 0; f < 3; ++f) {
        const auto pose = fake::pose_at(f / fake::kFps, *joints);
        for (const uint8_t byte : fake::packed(pose)) whole.push_back(byte);
        for (const uint8_t byte : fake::packed_small(pose)) small.push_back(byte);
    }
    write(frames + "/float32", whole);
    write(frames + "/smallest_three", small);
    for (const auto packing : {fake::wire::PACKING_FLOAT32, fake::wire::PACKING_SMALLEST_THREE_48})
        for (const bool breaks : {false, true})
            write(streams + "/" + std::to_string(packing) + (breaks ? "_breaks" : ""),
                  stream(fake::messages(8, 3, joints, packing), breaks));
    for (const bool breaks : {false, true}) {
        std::vector<uint8_t> live = {0xfd, 0xff};
        const auto messages = stream(fake::live_messages(8, 3), breaks);
        live.insert(live.end(), messages.begin(), messages.end());
        write(streams + (breaks ? "/live_breaks" : "/live"), live);
    }
    return 0;
}
