// The tab "Posewire", its entries in menus, and a missing library that is shown, not only logged.
#include "ContentBrowserMenuContexts.h"
#include "CoreMinimal.h"
#include "DetailsViewArgs.h"
#include "Engine/SkeletalMesh.h"
#include "Framework/Docking/TabManager.h"
#include "Framework/Notifications/NotificationManager.h"
#include "IDetailsView.h"
#include "Modules/ModuleManager.h"
#include "PosewireBakeJob.h"
#include "PosewireModule.h"
#include "PropertyEditorModule.h"
#include "ToolMenus.h"
#include "UObject/StrongObjectPtr.h"
#include "Widgets/Docking/SDockTab.h"
#include "Widgets/Notifications/SNotificationList.h"

#define LOCTEXT_NAMESPACE "PosewireEditor"

namespace
{
const FName TabName(TEXT("Posewire"));
}

class FPosewireEditorModule : public IModuleInterface
{
public:
	virtual void StartupModule() override
	{
		if (IsRunningCommandlet())
		{
			return;
		}
		SayWhatIsMissing();
		FGlobalTabmanager::Get()
			->RegisterNomadTabSpawner(TabName, FOnSpawnTab::CreateRaw(this, &FPosewireEditorModule::SpawnTab))
			.SetDisplayName(LOCTEXT("Tab", "Posewire"))
			.SetMenuType(ETabSpawnerMenuType::Hidden);
		UToolMenus::RegisterStartupCallback(FSimpleMulticastDelegate::FDelegate::CreateRaw(this, &FPosewireEditorModule::AddMenus));
	}

	virtual void ShutdownModule() override
	{
		if (IsRunningCommandlet())
		{
			return;
		}
		UToolMenus::UnRegisterStartupCallback(this);
		UToolMenus::UnregisterOwner(this);
		FGlobalTabmanager::Get()->UnregisterNomadTabSpawner(TabName);
		Job.Reset();
	}

private:
	static void SayWhatIsMissing()
	{
		const FString Why = FPosewireModule::Get().GetLibraryError();
		if (Why.IsEmpty())
		{
			return;
		}
		FNotificationInfo Info(FText::Format(LOCTEXT("NoLibrary", "Posewire plays synthetic motion: {0}"), FText::FromString(Why)));
		Info.ExpireDuration = 15;
		FSlateNotificationManager::Get().AddNotification(Info);
	}

	/** Tools, Posewire; and on skeletal meshes in the Content Browser. */
	void AddMenus()
	{
		FToolMenuOwnerScoped Owner(this);
		UToolMenus::Get()->ExtendMenu(TEXT("LevelEditor.MainMenu.Tools"))->FindOrAddSection(TEXT("Posewire")).AddMenuEntry(TEXT("PosewireTab"),
			LOCTEXT("Open", "Posewire"), LOCTEXT("OpenTip", "Make animations from prompts"), FSlateIcon(),
			FUIAction(FExecuteAction::CreateRaw(this, &FPosewireEditorModule::Open)));
		UToolMenus::Get()->ExtendMenu(TEXT("ContentBrowser.AssetContextMenu.SkeletalMesh"))->FindOrAddSection(TEXT("GetAssetActions")).AddMenuEntry(
			TEXT("PosewireBake"), LOCTEXT("Bake", "Bake a Posewire Motion"), LOCTEXT("BakeTip", "Make an animation for this mesh from a prompt"),
			FSlateIcon(), FToolMenuExecuteAction::CreateRaw(this, &FPosewireEditorModule::OpenFor));
	}

	void Open()
	{
		FGlobalTabmanager::Get()->TryInvokeTab(TabName);
	}

	void OpenFor(const FToolMenuContext& Context)
	{
		const UContentBrowserAssetContextMenuContext* Assets = UContentBrowserAssetContextMenuContext::FindContextWithAssets(Context);
		for (USkeletalMesh* Mesh : Assets ? Assets->LoadSelectedObjects<USkeletalMesh>() : TArray<USkeletalMesh*>())
		{
			TheJob().Mesh = Mesh;
		}
		Open();
	}

	TSharedRef<SDockTab> SpawnTab(const FSpawnTabArgs& Args)
	{
		FDetailsViewArgs How;
		How.bAllowSearch = false;
		How.bHideSelectionTip = true;
		FPropertyEditorModule& Properties = FModuleManager::LoadModuleChecked<FPropertyEditorModule>(TEXT("PropertyEditor"));
		const TSharedRef<IDetailsView> Details = Properties.CreateDetailView(How);
		Details->SetObject(&TheJob());
		return SNew(SDockTab).TabRole(ETabRole::NomadTab)[Details];
	}

	/** What the tab shows; it outlives the tab. */
	UPosewireBakeJob& TheJob()
	{
		if (!Job)
		{
			Job = TStrongObjectPtr<UPosewireBakeJob>(NewObject<UPosewireBakeJob>());
		}
		return *Job;
	}

	TStrongObjectPtr<UPosewireBakeJob> Job;
};

#undef LOCTEXT_NAMESPACE

IMPLEMENT_MODULE(FPosewireEditorModule, PosewireEditor)
