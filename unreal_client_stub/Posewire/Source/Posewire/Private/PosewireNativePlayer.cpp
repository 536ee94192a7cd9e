#include "PosewireNativePlayer.h"

namespace
{
constexpr int32 MostJoints = 1024;

FVector VectorOf(const float* Values)
{
	return FVector(Values[0], Values[1], Values[2]);
}

FQuat QuatOf(const float* Values)
{
	return FQuat(Values[0], Values[1], Values[2], Values[3]);
}

/** Names as UTF-8, for as long as functions of libposewire look at them. */
struct FTexts
{
	TArray<TArray<char>> Kept;

	const char* Keep(FName Name)
	{
		const FTCHARToUTF8 Text(*Name.ToString());
		TArray<char>& Copy = Kept.Emplace_GetRef();
		Copy.Append(Text.Get(), Text.Length());
		Copy.Add('\0');
		return Copy.GetData();
	}
};

TArray<pw_joint> JointsOf(const FPosewireRig& Rig, FTexts& Texts)
{
	TArray<pw_joint> Out;
	for (int32 Bone = 0; Bone < Rig.Names.Num(); ++Bone)
	{
		const FVector Place = Rig.Rest[Bone].GetTranslation();
		const FQuat Turn = Rig.Rest[Bone].GetRotation();
		pw_joint Joint = {Texts.Keep(Rig.Names[Bone]), Rig.Parents[Bone],
			{float(Place.X), float(Place.Y), float(Place.Z)},
			{float(Turn.X), float(Turn.Y), float(Turn.Z), float(Turn.W)}};
		Out.Add(Joint);
	}
	return Out;
}

/** A skeleton of libposewire that ends with its block. */
class FSkeleton
{
public:
	FSkeleton(const FPosewireLibrary& InLibrary, const TArray<pw_joint>& Joints, float Sole, int32 Pelvis)
		: Library(InLibrary)
	{
		pw_skeleton_options Rest;
		Library.pw_skeleton_options_init(&Rest, sizeof Rest);
		Rest.frame = PW_FRAME_UNREAL_COMPONENT;
		Rest.rest = PW_REST_LOCAL;
		Rest.joints = Joints.GetData();
		Rest.joint_count = uint32(Joints.Num());
		Rest.pelvis = Pelvis;
		Rest.sole = Sole;
		Library.pw_skeleton_create(&Rest, &Handle);
	}
	~FSkeleton() { Library.pw_skeleton_destroy(Handle); }
	FSkeleton(const FSkeleton&) = delete;
	FSkeleton& operator=(const FSkeleton&) = delete;

	pw_skeleton* Get() const { return Handle; }

private:
	const FPosewireLibrary& Library;
	pw_skeleton* Handle = nullptr;
};

/** The bone that plays the pelvis: by the names given, or else by those of a known rig. */
int32 FindPelvis(const FPosewireLibrary& Library, const pw_skeleton* Skeleton, const TArray<pw_bone>& Given)
{
	pw_bone Guessed[22];
	uint32 Count = uint32(Given.Num());
	const pw_bone* Bones = Given.GetData();
	if (Count == 0)
	{
		if (Library.pw_skeleton_guess_bones(Skeleton, Guessed, 22, &Count, nullptr) != PW_OK)
		{
			return INDEX_NONE;
		}
		Bones = Guessed;
	}
	for (uint32 Bone = 0; Bone < Count; ++Bone)
	{
		if (FCStringAnsi::Strcmp(Bones[Bone].joint, "Pelvis") == 0)
		{
			return Library.pw_skeleton_find(Skeleton, Bones[Bone].bone);
		}
	}
	return INDEX_NONE;
}

pw_player_options PlayerOptions(const FPosewireLibrary& Library, const FPosewireCharacterOptions& Options)
{
	pw_player_options Out;
	Library.pw_player_options_init(&Out, sizeof Out);
	Out.frame = PW_FRAME_UNREAL_COMPONENT;
	Out.root = uint32(Options.Root);
	Out.foot_ik = Options.FootIk;
	Out.scale_travel = Options.bScaleTravel;
	return Out;
}
} // namespace

TSharedPtr<IPosewirePlayer> FPosewireNativePlayer::Make(TSharedRef<const FPosewireLibrary> Library, const FPosewireCharacterOptions& Options, FString& Error)
{
	FTexts Texts;
	pw_player* Handle = nullptr;
	pw_player_options Wish = PlayerOptions(*Library, Options);
	TArray<pw_bone> Bones;
	for (const auto& Pair : Options.Bones)
	{
		Bones.Add({Texts.Keep(Pair.Key), Texts.Keep(Pair.Value)});
	}
	Wish.bones = Bones.Num() > 0 ? Bones.GetData() : nullptr;
	Wish.bone_count = uint32(Bones.Num());

	const TArray<pw_joint> Joints = JointsOf(Options.Rig, Texts);
	if (Joints.Num() == 0)
	{
		Library->pw_player_create(&Wish, &Handle);
	}
	else
	{
		const FSkeleton Plain(*Library, Joints, Options.SoleHeight, 0);
		const int32 Pelvis = Plain.Get() ? FindPelvis(*Library, Plain.Get(), Bones) : INDEX_NONE;
		if (Pelvis == INDEX_NONE)
		{
			Error = Bones.Num() > 0 ? TEXT("Bones: expected one for Pelvis that the mesh has") : PosewireLastError(*Library);
			return nullptr;
		}
		const FSkeleton Target(*Library, Joints, Options.SoleHeight, Pelvis);
		Wish.target = Target.Get();
		Library->pw_player_create(&Wish, &Handle);
	}
	if (!Handle)
	{
		Error = PosewireLastError(*Library);
		return nullptr;
	}
	return MakeShareable(new FPosewireNativePlayer(Library, Options, Handle));
}

FPosewireNativePlayer::FPosewireNativePlayer(TSharedRef<const FPosewireLibrary> InLibrary, const FPosewireCharacterOptions& Options, pw_player* InHandle)
	: Library(InLibrary)
	, Handle(InHandle)
	, Parents(Options.Rig.Parents)
{
	const int32 Room = Parents.Num() > 0 ? Parents.Num() : MostJoints;
	Rotations.SetNumZeroed(4 * Room);
	Driven.SetNumZeroed(Room);
}

FPosewireNativePlayer::~FPosewireNativePlayer()
{
	Library->pw_player_destroy(Handle);
}

bool FPosewireNativePlayer::Play(IPosewireStream& Stream, const FPosewireRequest& Request, FString& Error)
{
	pw_play_options Wish;
	Library->pw_play_options_init(&Wish, sizeof Wish);
	Wish.loop = Request.bLoop;
	Wish.fade_seconds = Request.Fade;
	Wish.speed = Request.Speed;
	// Only streams of the same backend ever come here.
	pw_stream* Native = static_cast<FPosewireNativeStream&>(Stream).GetHandle();
	if (Library->pw_player_play(Handle, Native, 0, &Wish) == PW_OK)
	{
		return true;
	}
	Error = PosewireLastError(*Library);
	return false;
}

void FPosewireNativePlayer::Clear()
{
	Library->pw_player_clear(Handle);
}

void FPosewireNativePlayer::Advance(float Seconds)
{
	Library->pw_player_advance(Handle, Seconds);
}

EPosewireMotion FPosewireNativePlayer::Sample(FPosewirePose& Out)
{
	pw_pose Now = {};
	Now.struct_size = sizeof Now;
	const uint32 Room = uint32(Driven.Num());
	const bool bFine = Library->pw_player_sample(Handle, Rotations.GetData(), Room, &Now) == PW_OK && Now.has_pose;
	const int32 Count = bFine ? int32(Now.joints) : 0;
	Out.Rotations.SetNum(Count);
	for (int32 Bone = 0; Bone < Count; ++Bone)
	{
		Out.Rotations[Bone] = QuatOf(&Rotations[4 * Bone]);
	}
	Out.PelvisPosition = VectorOf(Now.pelvis_position);
	LastCode = Now.code;
	Out.Time = Now.time;
	Out.Duration = Now.duration;
	FindWritten(Count, Out);
	return EPosewireMotion(Now.state);
}

/** Bones that the motion drives, and those between them and the root: their rest rotations count too. */
void FPosewireNativePlayer::FindWritten(int32 Count, FPosewirePose& Out)
{
	Out.Written.Init(Parents.Num() == 0, Count);
	const pw_skeleton* Skeleton = Library->pw_player_skeleton(Handle);
	Out.Pelvis = Count > 0 && Skeleton ? int32(Library->pw_skeleton_pelvis(Skeleton)) : INDEX_NONE;
	if (Count != Parents.Num() || Library->pw_player_driven(Handle, Driven.GetData(), uint32(Driven.Num())) != PW_OK)
	{
		return;
	}
	for (int32 Bone = Count - 1; Bone >= 0; --Bone)
	{
		Out.Written[Bone] = Out.Written[Bone] || Driven[Bone] != 0;
		if (Out.Written[Bone] && Parents[Bone] >= 0)
		{
			Out.Written[Parents[Bone]] = true;
		}
	}
}

FString FPosewireNativePlayer::GetError(int32& Code) const
{
	Code = LastCode;
	return LastCode == PW_OK || LastCode == PW_CANCELLED ? FString() : FString(UTF8_TO_TCHAR(Library->pw_player_error(Handle)));
}

FTransform FPosewireNativePlayer::TakeRootMotion()
{
	pw_root_motion Step = {};
	Library->pw_player_take_root_motion(Handle, &Step);
	return FTransform(QuatOf(Step.rotation), VectorOf(Step.translation));
}

bool FPosewireNativePlayer::NextContact(int32& Bit, bool& bDown)
{
	pw_contact Contact = {};
	if (!Library->pw_player_next_contact(Handle, &Contact))
	{
		return false;
	}
	Bit = int32(Contact.bit);
	bDown = Contact.began != 0;
	return true;
}

bool FPosewireNativePlayer::WalkTo(IPosewireStream& Stream, const FVector& Place, FString& Error)
{
	const float Position[3] = {float(Place.X), float(Place.Y), float(Place.Z)};
	pw_stream* Native = static_cast<FPosewireNativeStream&>(Stream).GetHandle();
	if (Library->pw_live_target(Native, Handle, Position, nullptr, nullptr) == PW_OK)
	{
		return true;
	}
	Error = PosewireLastError(*Library);
	return false;
}

bool FPosewireNativePlayer::GetSkeleton(FPosewireRig& Out) const
{
	const pw_skeleton* Skeleton = Library->pw_player_skeleton(Handle);
	if (!Skeleton)
	{
		return false;
	}
	Out = FPosewireRig();
	TArray<FTransform> World;
	for (uint32 Index = 0; Index < Library->pw_skeleton_joint_count(Skeleton); ++Index)
	{
		pw_joint Joint = {};
		float Place[3], Turn[4];
		Library->pw_skeleton_joint(Skeleton, Index, &Joint);
		Library->pw_positions_to(PW_FRAME_UNREAL_COMPONENT, Joint.position, Place, 1);
		Library->pw_rotations_to(PW_FRAME_UNREAL_COMPONENT, Joint.rotation, Turn, 1);
		// Positions are the model's, rotations the parent's: put together, then taken apart into local transforms.
		const FQuat Above = Joint.parent >= 0 ? World[Joint.parent].GetRotation() : FQuat::Identity;
		const FVector Base = Joint.parent >= 0 ? World[Joint.parent].GetTranslation() : FVector::ZeroVector;
		World.Add(FTransform(Above * QuatOf(Turn), VectorOf(Place)));
		Out.Names.Add(FName(UTF8_TO_TCHAR(Joint.name)));
		Out.Parents.Add(Joint.parent);
		Out.Rest.Add(FTransform(QuatOf(Turn), Above.UnrotateVector(VectorOf(Place) - Base)));
	}
	return true;
}
