#pragma once
#include "CoreMinimal.h"
/** Called once a frame of the editor until it gives false. */
struct FTickerDelegate
{
	template <typename T>
	static FTickerDelegate CreateUObject(T* Object, bool (T::*Method)(float))
	{
		static_assert(std::is_base_of_v<UObject, T>, "binds UObjects");
		return {[Object, Method](float Delta) { return (Object->*Method)(Delta); }};
	}
	std::function<bool(float)> Call;
};
class FTSTicker
{
public:
	static FTSTicker& GetCoreTicker() { static FTSTicker Ticker; return Ticker; }
	void AddTicker(const FTickerDelegate& Delegate) { Delegates.push_back(Delegate); }
	void Tick(float Delta)
	{
		Delegates.erase(std::remove_if(Delegates.begin(), Delegates.end(), [&](FTickerDelegate& D) { return !D.Call(Delta); }), Delegates.end());
	}
	std::vector<FTickerDelegate> Delegates;
};
