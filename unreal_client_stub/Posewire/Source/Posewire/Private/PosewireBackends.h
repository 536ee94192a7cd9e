// The two backends that there are.
#pragma once

#include "PosewireBackend.h"

class FPosewireLibrary;

/** How to reach a server. */
struct FPosewireServer
{
	FString Target;
	FString Token;
	/** PEM text; empty: the certificates that the system trusts. */
	FString Certificates;
	float ShutdownSeconds = 2;
};

TSharedPtr<IPosewireBackend> MakePosewireNativeBackend(TSharedRef<const FPosewireLibrary> Library, const FPosewireServer& Server, FString& Error);
TSharedRef<IPosewireBackend> MakePosewireNullBackend();
