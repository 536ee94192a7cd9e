// A stand-in for the few parts of Unreal's core that the plugin uses, so that it compiles and runs without the engine.
//
// Written from the public documentation of the names, signatures and meanings; none of it is Epic's code. It is strict
// where Unreal is (explicit constructors, const, access), and real where the tests need it (mathematics, strings,
// containers, shared pointers, delegates).
#pragma once

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#define PLATFORM_WINDOWS 0
#define PLATFORM_MAC 0
#define WITH_DEV_AUTOMATION_TESTS 1
#define THIRD_PARTY_INCLUDES_START
#define THIRD_PARTY_INCLUDES_END
#define TEXT(X) u##X
#define UE_PI 3.1415926535897932
#define POSEWIRE_API
#define POSEWIRELIVELINK_API
#define POSEWIREUNCOOKED_API

using int32 = std::int32_t;
using int64 = std::int64_t;
using uint8 = std::uint8_t;
using uint32 = std::uint32_t;
using uint64 = unsigned long long;
using TCHAR = char16_t;
constexpr int32 INDEX_NONE = -1;

// What Unreal's header tool reads; the tests' own tool makes GENERATED_BODY.
#define UENUM(...)
#define UCLASS(...)
#define USTRUCT(...)
#define UPROPERTY(...)
#define UFUNCTION(...)
#define UMETA(...)
#define STAND_IN_JOIN(A, B) A##B
#define STAND_IN_BODY(File, Line) STAND_IN_JOIN(File, Line)
#define GENERATED_BODY() STAND_IN_BODY(CURRENT_FILE_ID, __LINE__)

template <typename T>
std::remove_reference_t<T>&& MoveTemp(T&& Value)
{
	return static_cast<std::remove_reference_t<T>&&>(Value);
}

#include "StandInStrings.h"

template <typename T>
class TArray
{
public:
	TArray() = default;
	TArray(std::initializer_list<T> Values) : Items(Values.begin(), Values.end()) {}

	int32 Num() const { return int32(Items.size()); }
	bool IsValidIndex(int32 Index) const { return Index >= 0 && Index < Num(); }
	T* GetData() { return reinterpret_cast<T*>(Items.data()); }
	const T* GetData() const { return reinterpret_cast<const T*>(Items.data()); }
	T& operator[](int32 Index) { return reinterpret_cast<T&>(Items.at(std::size_t(Index))); }
	const T& operator[](int32 Index) const { return reinterpret_cast<const T&>(Items.at(std::size_t(Index))); }
	int32 Add(const T& Value) { Items.push_back(Value); return Num() - 1; }
	template <typename... A>
	T& Emplace_GetRef(A&&... Arguments) { Items.emplace_back(std::forward<A>(Arguments)...); return (*this)[Num() - 1]; }
	void Append(const T* Values, int32 Count) { Items.insert(Items.end(), Values, Values + Count); }
	void Reset() { Items.clear(); }
	void SetNum(int32 Count) { Items.resize(std::size_t(Count)); }
	void SetNumZeroed(int32 Count) { Items.resize(std::size_t(Count), FItem()); }
	void Init(const T& Value, int32 Count) { Items.assign(std::size_t(Count), FItem(Value)); }
	auto begin() { return GetData(); }
	auto end() { return GetData() + Num(); }
	auto begin() const { return GetData(); }
	auto end() const { return GetData() + Num(); }

private:
	// std::vector<bool> has no elements to refer to.
	using FItem = std::conditional_t<std::is_same_v<T, bool>, unsigned char, T>;
	std::vector<FItem> Items;
};

template <typename K, typename V>
struct TPair
{
	K Key;
	V Value;
};

template <typename K, typename V>
class TMap
{
public:
	int32 Num() const { return Pairs.Num(); }
	void Add(const K& Key, const V& Value) { Pairs.Add({Key, Value}); }
	auto begin() const { return Pairs.begin(); }
	auto end() const { return Pairs.end(); }

private:
	TArray<TPair<K, V>> Pairs;
};

// ------------------------------------------------------------------------------------------- shared pointers

template <typename T>
class TSharedRef;

template <typename T>
struct TRawShareable
{
	T* Object;
};
template <typename T>
TRawShareable<T> MakeShareable(T* Object)
{
	return {Object};
}

template <typename T>
class TSharedPtr
{
public:
	TSharedPtr() = default;
	TSharedPtr(std::nullptr_t) {}
	template <typename U, typename = std::enable_if_t<std::is_convertible_v<U*, T*>>>
	TSharedPtr(const TSharedPtr<U>& Other) : Inner(Other.Inner) {}
	template <typename U, typename = std::enable_if_t<std::is_convertible_v<U*, T*>>>
	TSharedPtr(const TSharedRef<U>& Other);
	template <typename U, typename = std::enable_if_t<std::is_convertible_v<U*, T*>>>
	TSharedPtr(const TRawShareable<U>& Raw) : Inner(Raw.Object) {}

	explicit operator bool() const { return Inner != nullptr; }
	bool IsValid() const { return Inner != nullptr; }
	T* Get() const { return Inner.get(); }
	T* operator->() const { return Inner.get(); }
	T& operator*() const { return *Inner; }
	bool operator==(const TSharedPtr& Other) const { return Inner == Other.Inner; }
	void Reset() { Inner.reset(); }
	TSharedRef<T> ToSharedRef() const;

	std::shared_ptr<T> Inner;
};

template <typename T>
class TSharedRef
{
public:
	template <typename U, typename = std::enable_if_t<std::is_convertible_v<U*, T*>>>
	TSharedRef(const TSharedRef<U>& Other) : Inner(Other.Inner) {}
	template <typename U, typename = std::enable_if_t<std::is_convertible_v<U*, T*>>>
	TSharedRef(const TRawShareable<U>& Raw) : Inner(Raw.Object) {}
	T* operator->() const { return Inner.get(); }
	T& operator*() const { return *Inner; }

	std::shared_ptr<T> Inner;

private:
	friend class TSharedPtr<T>;
	explicit TSharedRef(const std::shared_ptr<T>& From) : Inner(From) {}
};

template <typename T>
template <typename U, typename>
TSharedPtr<T>::TSharedPtr(const TSharedRef<U>& Other) : Inner(Other.Inner)
{
}
template <typename T>
TSharedRef<T> TSharedPtr<T>::ToSharedRef() const
{
	return TSharedRef<T>(Inner);
}
template <typename T, typename... A>
TSharedRef<T> MakeShared(A&&... Arguments)
{
	return TSharedRef<T>(MakeShareable(new T(std::forward<A>(Arguments)...)));
}

#include "StandInMath.h"
#include "StandInObjects.h"
