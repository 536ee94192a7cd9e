// What the player shows: root motion, places, targets, engines' frames, feet.
#include "playing.hpp"

using namespace playing;

TEST(travel_goes_on_through_loops_and_motions) {
    fake::Server server(31, 1, 0, 1);  // straight on for a second
    server.send_all();
    Player player(setup(PW_ROOT_TRAVEL));
    PlayWish how = wish(true);
    how.loop_fade_seconds = 0;
    begin(player, server, how);
    advance(player, 3.5, 1 / 60.0);
    check_vector(Seen(player).root(), {0, 0.95f, 3.5f}, 1e-4);
    // With fades each round is as much shorter, and the speed is the same.
    Player fading(setup(PW_ROOT_TRAVEL));
    begin(fading, server, wish(true));
    advance(fading, 3.5, 1 / 60.0);
    check_vector(Seen(fading).root(), {0, 0.95f, 3.5f}, 0.02);
    // Another motion goes on where the last one led.
    fake::Server turning(31, 1, 1, 1);
    turning.send_all();
    player.play(turning.session(), 0, wish(false, 0));
    player.advance(0);
    check_vector(Seen(player).root(), {0, 0.95f, 3.5f}, 1e-4);
    advance(player, 2);
    EQUAL(Seen(player).pose.state, unsigned(PW_PLAYER_ENDED));
    check_vector(Seen(player).root(), {0, 0.95f, 4.5f}, 1e-3);
    NEAR(heading(load4(Seen(player).pose.rotation)), 1, 1e-3);
}

TEST(root_motion_adds_up_to_the_path) {
    fake::Server server(61, 1, 0.8f, 1.5f);
    server.send_all();
    for (const unsigned root : {PW_ROOT_AS_SENT, PW_ROOT_TRAVEL, PW_ROOT_IN_PLACE}) {
        Player player(setup(root));
        begin(player, server);
        Place place;
        for (int i = 0; i < 150; ++i) {
            player.advance(1 / 70.0);
            const pw_root_motion step = player.take_root_motion();
            place = moved(place, {load3(step.translation), heading(load4(step.rotation))});
        }
        const auto last = fake::pose_at(60 * kFrame, server.joints(), 0.8f, 1.5f);
        check_vector(place.floor, {last.root.x, 0, last.root.z}, 1e-4);
        NEAR(place.heading, 1.6, 1e-4);
        const Seen seen(player);
        check_vector(load3(seen.pose.position), place.floor, 1e-4);
        NEAR(heading(load4(seen.pose.rotation)), 1.6, 1e-4);
        check_vector(seen.root(), root == PW_ROOT_IN_PLACE ? Vec3f{0, 0.95f, 0} : last.root, 1e-4);
        check_vector(load3(player.take_root_motion().translation), {});
    }
}

TEST(the_player_stands_where_it_is_put) {
    fake::Server server(31, 1, 0, 1);
    server.send_all();
    PlayerSetup how = setup(PW_ROOT_TRAVEL);
    how.frame = PW_FRAME_UNREAL_COMPONENT;
    Player player(how);
    const Frame unreal = Frame::of(PW_FRAME_UNREAL_COMPONENT);
    const Quatf quarter = unreal.rotation(from_heading(kPi / 2));
    player.stand({300, 0, 0}, quarter);
    begin(player, server);
    advance(player, 1);
    // 1 m along the new heading, which is the character's left: Unreal's +X, centimetres, Z up.
    check_vector(Seen(player).root(), {400, 0, 95}, 1e-4);
    check_rotation(load4(Seen(player).pose.rotation), quarter);
    check_rotation(
        Seen(player).rotation(0),
        unreal.rotation(from_heading(kPi / 2) * load4(&fake::pose_at(1, server.joints(), 0).rotations[0])));
}

TEST(poses_come_on_the_target) {
    fake::Server server(30, 1, 0.5f);
    server.send_all();
    // Twice as large, with a ground root and rest rotations.
    SkeletonParts parts;
    parts.names = {"ground"};
    parts.parents = {-1};
    parts.positions = {{0, 0, 0}};
    parts.rotations = {normalise(Quatf{0.3f, 0.1f, -0.2f, 1})};
    std::vector<pw_bone> bones;
    std::vector<std::string> names;
    for (uint32_t j = 0; j < server.joints().size(); ++j) {
        parts.names.push_back("b_" + server.joints().name(j));
        parts.parents.push_back(server.joints().parent(j) + 1);
        parts.positions.push_back(server.joints().position(j) * 2.f);
        parts.rotations.push_back(normalise(Quatf{0.1f * float(j), -0.4f, 0.2f, 0.8f}));
    }
    for (uint32_t j = 0; j < server.joints().size(); ++j)
        bones.push_back({server.joints().name(j).c_str(), parts.names[j + 1].c_str()});
    const auto target = std::make_shared<const Skeleton>(parts);
    PlayerSetup how = setup();
    how.target = bone_target(target, bones.data(), uint32_t(bones.size()), true, true);
    EQUAL(how.target->skeleton->pelvis(), 1u);
    Player player(how);
    begin(player, server);
    advance(player, 0.7);
    const Seen seen(player);
    EQUAL(seen.pose.joints, 11u);
    CHECK(!player.drives(0));
    CHECK(player.drives(1));
    // Same proportions: all joints stand where the source's do, at twice the size.
    const auto source = fake::pose_at(0.7, server.joints());
    std::vector<float> turned(64), placed(64), other(64);
    server.joints().forward(source.rotations.data(), source.root, turned.data(), placed.data());
    how.target->skeleton->forward(seen.rotations.data(), seen.root(), turned.data(), other.data());
    for (uint32_t j = 0; j < server.joints().size(); ++j)
        check_vector(load3(&other[3 * (j + 1)]), load3(&placed[3 * j]) * 2.f, 2e-4);
    // The pelvis relative to the ground bone leads to the same place.
    const Quatf ground = load4(&seen.rotations[0]);
    check_vector(rotate(ground, load3(seen.pose.pelvis_position)), seen.root(), 1e-4);
}

TEST(frames_of_engines_show_the_same_pose) {
    fake::Server server(30);
    server.send_all();
    Player reference(setup(PW_ROOT_TRAVEL));
    begin(reference, server);
    advance(reference, 0.4);
    const Seen ours(reference);
    const Vec3f travelled = load3(reference.take_root_motion().translation);
    for (unsigned frame = PW_FRAME_CANONICAL; frame <= PW_FRAME_UNREAL_ACTOR; ++frame) {
        PlayerSetup how = setup(PW_ROOT_TRAVEL);
        how.frame = frame;
        Player player(how);
        begin(player, server);
        advance(player, 0.4);
        const Seen seen(player);
        const Frame to = Frame::of(frame);
        check_vector(seen.root(), to.position(ours.root()));
        for (uint32_t j = 0; j < ours.pose.joints; ++j)
            check_rotation(seen.rotation(j), to.rotation(ours.rotation(j)));
        check_vector(load3(player.take_root_motion().translation), to.position(travelled));
    }
}

TEST(feet_that_touch_stay_where_they_are) {
    // The fake walker slides: its left foot "touches" for the whole first second while the body moves on.
    for (const unsigned root : {PW_ROOT_AS_SENT, PW_ROOT_TRAVEL, PW_ROOT_IN_PLACE}) {
        for (const float strength : {0.f, 1.f}) {
            fake::Server server(31, 1, 0.2f, 0.2f, 0.05f);
            server.send_all();
            PlayerSetup how = setup(root);
            how.foot_ik = strength;
            Player player(how);
            begin(player, server);
            const auto foot = [&] {
                const Seen seen(player);
                std::vector<float> turned(64), placed(64);
                server.joints().forward(seen.rotations.data(), seen.root(), turned.data(), placed.data());
                const Vec3f here = load3(&placed[3 * 5]);
                if (root != PW_ROOT_IN_PLACE) return here;
                return rotate(load4(seen.pose.rotation), here) + load3(seen.pose.position);
            };
            for (int i = 0; i < 20; ++i) player.advance(0.01), foot();
            const Vec3f start = foot();
            float slid = 0;
            for (int i = 0; i < 60; ++i) {
                player.advance(0.01);
                slid = std::max(slid, length(foot() - start));
            }
            CHECK(strength > 0 ? slid < 0.005f : slid > 0.1f);
        }
    }
}

MAIN
