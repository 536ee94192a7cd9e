// libposewire, loaded by hand: each function that the plugin calls, by name. A library that is missing or of another
// version is a sentence, never a crash.
#pragma once

#include "CoreMinimal.h"

THIRD_PARTY_INCLUDES_START
#include <posewire.h>
THIRD_PARTY_INCLUDES_END

// clang-format off
#define POSEWIRE_FUNCTIONS(Do) \
	Do(pw_abi_version) Do(pw_version) Do(pw_last_error) \
	Do(pw_client_options_init) Do(pw_client_create) Do(pw_client_destroy) Do(pw_client_get_state) \
	Do(pw_generate_options_init) Do(pw_generate) Do(pw_stream_poll) Do(pw_stream_header) Do(pw_stream_cancel) Do(pw_stream_destroy) \
	Do(pw_live_options_init) Do(pw_live_open) Do(pw_live_prompt) Do(pw_live_stop) Do(pw_live_target) Do(pw_live_close) \
	Do(pw_warm_options_init) Do(pw_warm) Do(pw_reply_destroy) \
	Do(pw_skeleton_options_init) Do(pw_skeleton_create) Do(pw_skeleton_destroy) Do(pw_skeleton_guess_bones) Do(pw_skeleton_find) \
	Do(pw_skeleton_joint_count) Do(pw_skeleton_joint) Do(pw_skeleton_pelvis) \
	Do(pw_positions_to) Do(pw_rotations_to) \
	Do(pw_player_options_init) Do(pw_player_create) Do(pw_player_destroy) Do(pw_play_options_init) Do(pw_player_play) \
	Do(pw_player_clear) Do(pw_player_advance) Do(pw_player_sample) Do(pw_player_driven) Do(pw_player_error) \
	Do(pw_player_skeleton) Do(pw_player_take_root_motion) Do(pw_player_next_contact)
// clang-format on

/** The functions of libposewire, under their own names. */
class FPosewireLibrary
{
public:
#define POSEWIRE_MEMBER(Name) decltype(&::Name) Name = nullptr;
	POSEWIRE_FUNCTIONS(POSEWIRE_MEMBER)
#undef POSEWIRE_MEMBER

	~FPosewireLibrary();
	FPosewireLibrary(const FPosewireLibrary&) = delete;
	FPosewireLibrary& operator=(const FPosewireLibrary&) = delete;

	/** The first of these files that can be loaded; null and `Error` where none can, or it is of another version. */
	static TSharedPtr<const FPosewireLibrary> Load(const TArray<FString>& Files, FString& Error);

private:
	FPosewireLibrary() = default;
	bool Find(const FString& File, FString& Error);

	void* Handle = nullptr;
};
