#pragma once
#include "CoreMinimal.h"
struct FParse
{
	static bool Value(const TCHAR* Stream, const TCHAR* Match, FString& Out)
	{
		const std::u16string Line(Stream), Wanted(Match);
		const std::size_t At = Line.find(Wanted);
		if (At == std::u16string::npos) return false;
		const std::size_t Begin = At + Wanted.size();
		Out.Units = Line.substr(Begin, Line.find(u' ', Begin) - Begin);
		return true;
	}
};
