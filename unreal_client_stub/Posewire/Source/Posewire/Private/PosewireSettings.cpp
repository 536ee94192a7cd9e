#include "PosewireSettings.h"

#include "Misc/CommandLine.h"
#include "Misc/Parse.h"

FName UPosewireSettings::GetCategoryName() const
{
	return TEXT("Plugins");
}

FString UPosewireSettings::GetServer() const
{
	FString Given;
	return FParse::Value(FCommandLine::Get(), TEXT("PosewireServer="), Given) ? Given : Server;
}

FString UPosewireSettings::GetToken() const
{
	FString Given;
	return FParse::Value(FCommandLine::Get(), TEXT("PosewireToken="), Given) ? Given : Token;
}
