#pragma once
#include "CoreMinimal.h"
#include "Roles/LiveLinkAnimationTypes.h"
struct FLiveLinkSubjectKey
{
	FGuid Source;
	FName SubjectName;
};
class ILiveLinkClient
{
public:
	virtual ~ILiveLinkClient() = default;
	virtual void PushSubjectStaticData_AnyThread(const FLiveLinkSubjectKey& Key, UClass* Role, FLiveLinkStaticDataStruct&& Data) = 0;
	virtual void PushSubjectFrameData_AnyThread(const FLiveLinkSubjectKey& Key, FLiveLinkFrameDataStruct&& Data) = 0;
};
