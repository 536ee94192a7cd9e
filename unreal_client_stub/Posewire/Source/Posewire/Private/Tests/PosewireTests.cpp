// Automation tests: Window, Test Automation, Posewire; or -ExecCmds="Automation RunTests Posewire". No server is needed.
#include "Misc/AutomationTest.h"
#include "PosewireBackends.h"

#if WITH_DEV_AUTOMATION_TESTS

namespace
{
FPosewireRig TwoBones()
{
	FPosewireRig Rig;
	Rig.Names = {TEXT("root"), TEXT("pelvis")};
	Rig.Parents = {INDEX_NONE, 0};
	Rig.Rest = {FTransform::Identity, FTransform(FQuat::Identity, FVector(0, 0, 97))};
	return Rig;
}
} // namespace

IMPLEMENT_SIMPLE_AUTOMATION_TEST(FPosewireNullStreamTest, "Posewire.Null.Stream",
	EAutomationTestFlags::EditorContext | EAutomationTestFlags::ProductFilter)

bool FPosewireNullStreamTest::RunTest(const FString& Parameters)
{
	FString Error;
	const TSharedPtr<IPosewireStream> Stream = MakePosewireNullBackend()->Generate(FPosewireRequest(), Error);
	FPosewireEvent Event;
	TestTrue(TEXT("it begins"), Stream->Poll(Event) && Event.Kind == FPosewireEvent::EKind::Started);
	TestTrue(TEXT("frames come"), Stream->Poll(Event) && Event.Frames > 0);
	TestTrue(TEXT("it ends well"), Stream->Poll(Event) && Event.Kind == FPosewireEvent::EKind::Status && Event.Code == 0);
	TestFalse(TEXT("nothing comes after"), Stream->Poll(Event));
	return true;
}

IMPLEMENT_SIMPLE_AUTOMATION_TEST(FPosewireNullPlayerTest, "Posewire.Null.Player",
	EAutomationTestFlags::EditorContext | EAutomationTestFlags::ProductFilter)

bool FPosewireNullPlayerTest::RunTest(const FString& Parameters)
{
	FString Error;
	const TSharedRef<IPosewireBackend> Backend = MakePosewireNullBackend();
	FPosewireCharacterOptions Options;
	Options.Rig = TwoBones();
	const TSharedPtr<IPosewirePlayer> Player = Backend->MakePlayer(Options, Error);
	FPosewirePose Pose;
	TestTrue(TEXT("nothing plays at first"), Player->Sample(Pose) == EPosewireMotion::Idle && Pose.Rotations.Num() == 0);
	Player->Play(*Backend->Generate(FPosewireRequest(), Error), FPosewireRequest(), Error);
	Player->Advance(1);
	TestTrue(TEXT("it plays"), Player->Sample(Pose) == EPosewireMotion::Playing);
	TestTrue(TEXT("it sways"), Pose.Rotations[0].AngularDistance(FQuat::Identity) > 0.05f);
	Player->Advance(10);
	TestTrue(TEXT("it ends"), Player->Sample(Pose) == EPosewireMotion::Ended);
	return true;
}

#endif
