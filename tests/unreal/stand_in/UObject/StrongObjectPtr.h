#pragma once
#include "CoreMinimal.h"
template <typename T>
class TStrongObjectPtr
{
public:
	TStrongObjectPtr() = default;
	explicit TStrongObjectPtr(T* InObject) : Object(InObject) {}
	explicit operator bool() const { return Object != nullptr; }
	T& operator*() const { return *Object; }
	void Reset() { Object.reset(); }

private:
	std::shared_ptr<T> Object;
};
