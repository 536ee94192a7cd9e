// Runs the plugin on the stand-in headers:
// play null | play character ADDRESS PLUGIN_FOLDER RIG PROMPT SEED | play live ADDRESS PLUGIN_FOLDER RIG |
// play livelink ADDRESS PLUGIN_FOLDER | play bake ADDRESS PLUGIN_FOLDER RIG PROMPT SEED
//
// RIG: a file with a line for each bone: name, parent, position, rotation (component space, centimetres, relative to the
// parent). For each frame the program writes the play head's moment, where the mesh is, and the local transforms that the
// animation node gives or the baked animation has.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "Animation/AnimSequence.h"
#include "AnimGraphNode_Posewire.h"
#include "AnimNode_Posewire.h"
#include "Animation/AnimInstance.h"
#include "AssetRegistry/AssetRegistryModule.h"
#include "Components/SkeletalMeshComponent.h"
#include "Containers/Ticker.h"
#include "Engine/GameInstance.h"
#include "Engine/SkeletalMesh.h"
#include "Engine/World.h"
#include "Framework/Docking/TabManager.h"
#include "Framework/Notifications/NotificationManager.h"
#include "IDetailsView.h"
#include "ILiveLinkClient.h"
#include "Interfaces/IPluginManager.h"
#include "HAL/PlatformTime.h"
#include "Misc/AutomationTest.h"
#include "Misc/CommandLine.h"
#include "Modules/ModuleManager.h"
#include "PosewireBakeJob.h"
#include "PosewireComponent.h"
#include "PosewireGenerateAction.h"
#include "PosewireLiveLinkSourceFactory.h"
#include "PosewireModule.h"
#include "PosewireSequence.h"
#include "PosewireSettings.h"
#include "PosewireSubsystem.h"
#include "PropertyEditorModule.h"
#include "ToolMenus.h"
#include "UObject/Package.h"

namespace
{
constexpr float Frame = 1 / 60.0f;

void Expect(bool bFine, const char* What)
{
	if (!bFine)
	{
		std::printf("expected %s\n", What);
		std::exit(1);
	}
}

/** A game with one character: the mesh is turned by -90 degrees under its actor, as Unreal's own characters are. */
struct FGame
{
	FGame()
	{
		World.Game = &Game;
		Game.Subsystem = &Subsystem;
		Actor.World = &World;
		FSubsystemCollectionBase Collection;
		Subsystem.Initialize(Collection);
		MeshComponent.Asset = &Mesh;
		MeshComponent.Relative = FTransform(FQuat(FVector::UpVector, -UE_PI / 2), FVector(0, 0, -90));
		Actor.Attach(&MeshComponent);
		Actor.Attach(&Character);
		Anim.Actor = &Actor;
	}
	~FGame()
	{
		Character.EndPlay(EEndPlayReason::Quit);
		Subsystem.Deinitialize();
	}

	/** One frame: the component, then the animation node on its reference pose. */
	FPoseContext Step()
	{
		Character.TickComponent(Frame, LEVELTICK_All, nullptr);
		Container.MeshBones.Reset();
		for (int32 Bone = 0; Bone < Mesh.Skeleton.GetNum(); ++Bone) Container.MeshBones.Add(Bone);
		FPoseContext Output;
		Output.Pose.Container = &Container;
		Output.Pose.Bones = Mesh.Skeleton.Pose;
		Node.PreUpdate(&Anim);
		Node.Update_AnyThread(FAnimationUpdateContext());
		Node.Evaluate_AnyThread(Output);
		return Output;
	}

	UWorld World;
	UGameInstance Game;
	UPosewireSubsystem Subsystem;
	AActor Actor;
	USkeletalMesh Mesh;
	USkeletalMeshComponent MeshComponent;
	UPosewireComponent Character;
	UAnimInstance Anim;
	FAnimNode_Posewire Node;
	FBoneContainer Container;
};

/** Writes down what a dynamic delegate says. */
class UListener : public UObject
{
public:
	void Started(FString Model, FString) { Said += "started " + StandInUtf8(Model.Units) + "\n"; }
	void Completed() { Said += "completed\n"; }
	void Segment(FString Prompt, int32) { Said += "segment " + StandInUtf8(Prompt.Units) + "\n"; }
	void Refused(FString) { Said += "refused\n"; }
	void Failed(int32 Code, FString Message) { Said += "failed " + std::to_string(Code) + " " + StandInUtf8(Message.Units) + "\n"; }
	std::string Said;
};

void StartModules()
{
	for (const auto& Module : FModuleManager::All()) Module.second->StartupModule();
}

/** Part of the editor itself. */
IMPLEMENT_MODULE(FPropertyEditorModule, PropertyEditor)

void StopModules()
{
	for (const auto& Module : FModuleManager::All()) Module.second->ShutdownModule();
}

void ReadRig(const char* Path, FReferenceSkeleton& Out)
{
	std::ifstream File(Path);
	std::string Name;
	int32 Parent;
	double V[7];
	while (File >> Name >> Parent >> V[0] >> V[1] >> V[2] >> V[3] >> V[4] >> V[5] >> V[6])
	{
		Out.Names.Add(FName(StandInUtf16(Name.c_str()).c_str()));
		Out.Parents.Add(Parent);
		Out.Pose.Add(FTransform(FQuat(V[3], V[4], V[5], V[6]), FVector(V[0], V[1], V[2])));
	}
}

class FLiveLinkListener : public ILiveLinkClient
{
public:
	virtual void PushSubjectStaticData_AnyThread(const FLiveLinkSubjectKey&, UClass*, FLiveLinkStaticDataStruct&& Data) override
	{
		++Skeletons;
		Bones = Data.Cast<FLiveLinkSkeletonStaticData>()->BoneNames.Num();
	}
	virtual void PushSubjectFrameData_AnyThread(const FLiveLinkSubjectKey&, FLiveLinkFrameDataStruct&& Data) override
	{
		++Frames;
		Last = Data.Cast<FLiveLinkAnimationFrameData>()->Transforms;
	}
	int Skeletons = 0, Frames = 0;
	int32 Bones = 0;
	TArray<FTransform> Last;
};

/** A mesh as the Content Browser has it. */
void MakeAsset(USkeletalMesh& Mesh, USkeleton& Skeleton)
{
	Mesh.Package = CreatePackage(TEXT("/Game/Heroes/SKM_Hero"));
	Skeleton.Names = Mesh.Skeleton.Names;
	Mesh.Bones = &Skeleton;
}

/** Chooses the entry of the Content Browser's menu; what the tab then shows. */
UPosewireBakeJob& OpenTab(USkeletalMesh& Mesh)
{
	auto& Menu = UToolMenus::Get()->Menus.at(TEXT("ContentBrowser.AssetContextMenu.SkeletalMesh"));
	Menu.Sections.at(TEXT("GetAssetActions")).Entries.at(TEXT("PosewireBake")).Call({{&Mesh}});
	const auto* View = dynamic_cast<const IDetailsView*>(FGlobalTabmanager::Get()->Open->Shown.Get());
	UPosewireBakeJob& Job = dynamic_cast<UPosewireBakeJob&>(*View->Object);
	Expect(Job.Mesh == &Mesh, "a tab for the chosen mesh");
	return Job;
}

/** Presses the button and lets the editor tick until the job is done; what it made, or null. */
UAnimSequence* PressBake(UPosewireBakeJob& Job)
{
	const std::size_t Before = FAssetRegistryModule::Created().size();
	Job.Bake();
	for (int Tries = 0; Tries < 5000 && !FTSTicker::GetCoreTicker().Delegates.empty(); ++Tries)
	{
		FTSTicker::GetCoreTicker().Tick(Frame);
		std::this_thread::sleep_for(std::chrono::milliseconds(2));
	}
	std::printf("status %s\n", StandInUtf8(Job.Status.Units).c_str());
	return FAssetRegistryModule::Created().size() == Before ? nullptr : dynamic_cast<UAnimSequence*>(FAssetRegistryModule::Created().back());
}

/** Baking without a library: refused, unless the project wants to do without. */
void BakeNothing(FGame& Game)
{
	USkeleton Skeleton;
	Expect(!PressBake(OpenTab(Game.Mesh)), "nothing for a mesh without a skeleton");
	MakeAsset(Game.Mesh, Skeleton);
	Expect(!PressBake(OpenTab(Game.Mesh)), "nothing without the library");
	GetMutableDefault<UPosewireSettings>()->bWithoutServer = true;
	UPosewireBakeJob& Job = OpenTab(Game.Mesh);
	Job.Prompt = TEXT("  A person sways, gently!");
	const UAnimSequence* Made = PressBake(Job);
	Expect(Made && Made->Name == FString(TEXT("A_a_person_sways_gently")), "an animation with a name for assets");
	Expect(Made->Controller.Frames == 120 && Made->Controller.Rate == 30 && Made->Controller.bPopulated, "four seconds of keys");
	Expect(PressBake(Job)->Name == FString(TEXT("A_a_person_sways_gently1")), "another name for the next one");
	Job.Bake();
	Job.Cancel();
	Expect(Job.Status == FString(TEXT("cancelled")), "a job that is cancelled");
	Skeleton.Names = {TEXT("other")};
	Expect(!PressBake(Job), "nothing for a skeleton without the mesh's bones");
	GetMutableDefault<UPosewireSettings>()->bWithoutServer = false;
}

/** Without a library: clear words, synthetic motion, nothing that crashes. */
void Null()
{
	for (FAutomationTestBase* Test : FAutomationTestBase::All())
	{
		Test->RunTest(FString());
		Expect(Test->Failures == 0, Test->Name);
	}
	Expect(FSlateNotificationManager::Get().Said.size() == 1, "one notification about the library");
	FGame Game;
	Game.Mesh.Skeleton.Names = {TEXT("root"), TEXT("pelvis")};
	Game.Mesh.Skeleton.Parents = {INDEX_NONE, 0};
	Game.Mesh.Skeleton.Pose = {FTransform(), FTransform(FQuat(), FVector(0, 0, 97))};
	UListener Listener;
	FPosewireRequest Request;
	Request.Prompt = TEXT("a person waves");
	UPosewireGenerateAction* Action = UPosewireGenerateAction::GenerateMotion(&Game.Character, Request);
	Action->OnStarted.AddDynamic(&Listener, &UListener::Started);
	Action->OnCompleted.AddDynamic(&Listener, &UListener::Completed);
	Action->OnFailed.AddDynamic(&Listener, &UListener::Failed);
	Action->Activate();
	Game.Step();
	Expect(Listener.Said == "started null\ncompleted\n" && Action->bReadyToDestroy, "a motion that starts and completes");
	Expect(Game.Character.GetMotion() == EPosewireMotion::Playing, "motion");
	Expect(Game.MeshComponent.Prerequisite == &Game.Character, "the mesh after the component");
	UPosewireGenerateAction* Nobody = UPosewireGenerateAction::GenerateMotion(nullptr, Request);
	Nobody->OnFailed.AddDynamic(&Listener, &UListener::Failed);
	Nobody->Activate();
	Game.Character.ComeToRest();
	Game.Step();
	Expect(Game.Character.GetMotion() == EPosewireMotion::Idle, "no motion any more");
	Game.Character.Motion = Request;
	Game.Character.DoIt();
	Game.Step();
	Expect(Game.Character.GetMotion() == EPosewireMotion::Playing, "motion at a button's press");
	BakeNothing(Game);
	Expect(Listener.Said.find("failed 3 Character: expected") != std::string::npos, "an error without a character");
	delete Action;
	delete Nobody;
}

void WriteTransform(std::ostream& Out, const FTransform& T)
{
	const FVector P = T.GetTranslation();
	const FQuat Q = T.GetRotation();
	Out << ' ' << P.X << ' ' << P.Y << ' ' << P.Z << ' ' << Q.X << ' ' << Q.Y << ' ' << Q.Z << ' ' << Q.W;
}

/** A real server: every frame of a motion to standard output, as the animation node gives it. */
void Character(char** Arguments)
{
	FCommandLine::Text() = StandInUtf16((std::string("-PosewireServer=") + Arguments[0]).c_str());
	FGame Game;
	ReadRig(Arguments[2], Game.Mesh.Skeleton);
	UListener Listener;
	Game.Character.OnStarted.AddDynamic(&Listener, &UListener::Started);
	Game.Character.OnCompleted.AddDynamic(&Listener, &UListener::Completed);
	Game.Character.OnFailed.AddDynamic(&Listener, &UListener::Failed);
	Game.Character.Root = std::getenv("IN_PLACE") ? EPosewireRoot::InPlace : EPosewireRoot::Travel;
	Game.Character.Motion.Prompt = FString(StandInUtf16(Arguments[3]).c_str());
	Game.Character.Motion.Seconds = 4;
	Game.Character.Motion.Seed = std::atoll(Arguments[4]);
	Game.Character.BeginPlay();
	for (int Tries = 0; Tries < 5000 && Game.Character.GetMotion() != EPosewireMotion::Ended; ++Tries)
	{
		const FPoseContext Output = Game.Step();
		if (Game.Character.GetMotion() < EPosewireMotion::Playing)
		{
			std::this_thread::sleep_for(std::chrono::milliseconds(2));
			continue;
		}
		std::ostringstream Line;
		Line.precision(9);
		Line << "frame " << Game.Character.GetPose().Time;
		WriteTransform(Line, Game.MeshComponent.GetComponentTransform());
		for (const FTransform& T : Output.Pose.Bones) WriteTransform(Line, T);
		std::puts(Line.str().c_str());
	}
	std::fputs(Listener.Said.c_str(), stdout);
	Expect(Listener.Said == "started stand-in\ncompleted\n", "a motion that starts and completes");
	Expect(Game.Subsystem.GetConnection() == EPosewireConnection::Ready, "a connection");
	Expect(!Game.Subsystem.GetLibraryVersion().IsEmpty(), "a version");
	Expect(!Game.Character.Say(TEXT("jump")), "no command without a session");
}

/** A real server: every frame of an animation asset to standard output. */
void Bake(char** Arguments)
{
	FCommandLine::Text() = StandInUtf16((std::string("-PosewireServer=") + Arguments[0]).c_str());
	USkeletalMesh Mesh;
	USkeleton Skeleton;
	ReadRig(Arguments[2], Mesh.Skeleton);
	MakeAsset(Mesh, Skeleton);
	UPosewireBakeJob& Job = OpenTab(Mesh);
	Job.Prompt = FString(StandInUtf16(Arguments[3]).c_str());
	Job.Seconds = 4;
	Job.Seed = std::atoll(Arguments[4]);
	UAnimSequence* Made = PressBake(Job);
	Expect(Made && Made->bDirty && Made->Preview == &Mesh, "an animation that wants to be saved");
	const bool bRootBone = Mesh.Skeleton.Names[0] == FName(TEXT("root"));
	Expect(Made->bEnableRootMotion == bRootBone, "root motion where a root bone can carry it");
	for (int32 Key = 0; Key <= Made->Controller.Frames; ++Key)
	{
		std::ostringstream Line;
		Line.precision(9);
		Line << "frame " << double(Key) / Made->Controller.Rate;
		WriteTransform(Line, FTransform::Identity);
		for (int32 Bone = 0; Bone < Mesh.Skeleton.GetNum(); ++Bone)
		{
			const auto* Track = Made->Controller.Find(Mesh.Skeleton.Names[Bone]);
			FTransform Local = Mesh.Skeleton.Pose[Bone];
			if (Track)
			{
				const auto& P = Track->Places[std::size_t(Key)];
				const auto& Q = Track->Turns[std::size_t(Key)];
				Local = FTransform(FQuat(Q.X, Q.Y, Q.Z, Q.W), FVector(P.X, P.Y, P.Z));
			}
			WriteTransform(Line, Local);
		}
		std::puts(Line.str().c_str());
	}
	Job.Prompt = FString(StandInUtf16(std::string(5000, 'x').c_str()).c_str());
	Expect(!PressBake(Job), "a prompt that the server refuses");
}

/** A live session: another prompt, a refused one, a server that is killed and started again by whoever reads this. */
void Live(char** Arguments)
{
	FCommandLine::Text() = StandInUtf16((std::string("-PosewireServer=") + Arguments[0]).c_str());
	FGame Game;
	ReadRig(Arguments[2], Game.Mesh.Skeleton);
	UListener Listener;
	Game.Character.OnSegment.AddDynamic(&Listener, &UListener::Segment);
	Game.Character.OnRefused.AddDynamic(&Listener, &UListener::Refused);
	Game.Character.OnFailed.AddDynamic(&Listener, &UListener::Failed);
	Game.Character.OnCompleted.AddDynamic(&Listener, &UListener::Completed);
	Game.Character.bLive = true;
	Game.Character.Motion.Prompt = TEXT("a person walks forward");
	Game.Character.BeginPlay();
	auto Until = [&](const std::string& Said) {
		for (int Tries = 0; Tries < 3000 && Listener.Said.find(Said) == std::string::npos; ++Tries)
		{
			Game.Step();
			std::this_thread::sleep_for(std::chrono::milliseconds(16));
		}
		Expect(Listener.Said.find(Said) != std::string::npos, Said.c_str());
		Listener.Said.clear();
	};
	Until("segment a person walks forward");
	Expect(Game.Character.WalkTo(FVector(300, 0, 0)), "a target");
	Expect(Game.Character.Say(FString(StandInUtf16(std::string(5000, 'x').c_str()).c_str())), "a command that is sent");
	Until("refused");
	Game.Character.Motion.Prompt = TEXT("a person waves");
	Game.Character.DoIt();
	Until("segment a person waves");
	std::puts("kill");
	std::fflush(stdout);
	Until("segment a person waves");
	Expect(Game.Character.GetLastError().IsEmpty(), "no error for a session that is begun again");
	Game.Character.EndLive();
	Until("completed");
}

/** Live Link: a skeleton once, then frames. */
void LiveLink(char** Arguments)
{
	FCommandLine::Text() = StandInUtf16((std::string("-PosewireServer=") + Arguments[0]).c_str());
	FLiveLinkListener Client;
	const TSharedPtr<ILiveLinkSource> Source = UPosewireLiveLinkSourceFactory().CreateSource(FString());
	Source->ReceiveClient(&Client, FGuid());
	for (int Tries = 0; Tries < 5000 && Client.Frames < 60; ++Tries)
	{
		Source->Update();
		FPlatformTime::Now() += Frame;
		std::this_thread::sleep_for(std::chrono::milliseconds(1));
	}
	std::printf("live link: %d skeleton of %d bones, %d frames, pelvis at %.1f cm, %s\n", Client.Skeletons, Client.Bones,
		Client.Frames, Client.Last[0].GetTranslation().Z, StandInUtf8(Source->GetSourceStatus().ToString().Units).c_str());
	Expect(Client.Skeletons == 1 && Client.Bones == 22 && Client.Frames == 60, "one skeleton and its frames");
	Expect(Client.Last[0].GetTranslation().Z > 70 && Client.Last[0].GetTranslation().Z < 120, "a pelvis at its height");
	Source->RequestSourceShutdown();
	Expect(!Source->IsSourceStillValid(), "a source that has ended");
}
} // namespace

int main(int Count, char** Arguments)
{
	const std::string Mode = Count > 1 ? Arguments[1] : "";
	if (Count > 3) IPlugin::BaseDir() = FString(StandInUtf16(Arguments[3]).c_str());
	StartModules();
	if (Mode == "null") Null();
	else if (Mode == "character" && Count > 6) Character(Arguments + 2);
	else if (Mode == "live" && Count > 4) Live(Arguments + 2);
	else if (Mode == "livelink" && Count > 3) LiveLink(Arguments + 2);
	else if (Mode == "bake" && Count > 6) Bake(Arguments + 2);
	else Expect(false, "the arguments that the head of play.cpp names");
	StopModules();
	std::puts("fine");
	return 0;
}
