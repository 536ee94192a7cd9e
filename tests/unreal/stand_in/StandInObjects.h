// Objects, properties' pointers, delegates, logging.
#pragma once

class UClass
{
};
class UScriptStruct
{
};

class UPackage;
class UObject
{
public:
	virtual ~UObject() = default;
	UPackage* GetOutermost() const { return Package; }
	FString GetName() const { return Name; }
	void MarkPackageDirty() const { bDirty = true; }
	void MarkAsGarbage() { bGarbage = true; }

	UPackage* Package = nullptr;
	FString Name;
	mutable bool bDirty = false;
	bool bGarbage = false;
};
class UPackage : public UObject
{
};
enum EObjectFlags { RF_Public = 1, RF_Standalone = 2 };
inline EObjectFlags operator|(EObjectFlags A, EObjectFlags B)
{
	return EObjectFlags(int(A) | int(B));
}

template <typename T>
T* NewObject()
{
	return new T();
}
template <typename T>
T* NewObject(UPackage* Package, const FName& Name, EObjectFlags)
{
	T* Object = new T();
	Object->Package = Package;
	Object->Name = Name.ToString();
	return Object;
}
template <typename T>
T* GetMutableDefault()
{
	static T Default;
	return &Default;
}
template <typename T>
const T* GetDefault()
{
	return GetMutableDefault<T>();
}

template <typename T>
class TObjectPtr
{
public:
	TObjectPtr() = default;
	TObjectPtr(T* InObject) : Object(InObject) {}
	operator T*() const { return Object; }
	T* operator->() const { return Object; }
	T& operator*() const { return *Object; }

private:
	T* Object = nullptr;
};

/** A dynamic multicast delegate: members of objects only, each once. */
template <typename... A>
class TStandInDelegate
{
public:
	template <typename T>
	void AddDynamic(T* Object, void (T::*Method)(A...))
	{
		static_assert(std::is_base_of_v<UObject, T>, "dynamic delegates bind UObjects");
		Listeners.push_back({Object, Key(Method), [Object, Method](A... Values) { (Object->*Method)(Values...); }});
	}
	template <typename T>
	void RemoveDynamic(T* Object, void (T::*Method)(A...))
	{
		const std::string Wanted = Key(Method);
		Listeners.erase(std::remove_if(Listeners.begin(), Listeners.end(),
							[&](const FListener& L) { return L.Object == Object && L.Method == Wanted; }),
			Listeners.end());
	}
	void Broadcast(A... Values) const
	{
		const std::vector<FListener> Now = Listeners;
		for (const FListener& Listener : Now) Listener.Call(Values...);
	}

private:
	struct FListener
	{
		const void* Object;
		std::string Method;
		std::function<void(A...)> Call;
	};
	template <typename M>
	static std::string Key(M Method)
	{
		return std::string(reinterpret_cast<const char*>(&Method), sizeof Method);
	}
	std::vector<FListener> Listeners;
};
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE(Name) class Name : public TStandInDelegate<> {}
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(Name, T1, N1) class Name : public TStandInDelegate<T1> {}
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(Name, T1, N1, T2, N2) class Name : public TStandInDelegate<T1, T2> {}

struct FLogCategory
{
	const char* Name;
};
#define DECLARE_LOG_CATEGORY_EXTERN(Name, Default, Most) extern const FLogCategory Name
#define DEFINE_LOG_CATEGORY(Name) const FLogCategory Name{#Name}
#define UE_LOG(Category, Verbosity, Format, ...) \
	std::printf("%s: " #Verbosity ": %s\n", Category.Name, StandInUtf8(FString::Printf(Format, ##__VA_ARGS__).Units).c_str())

inline FString FString::Join(const TArray<FString>& Parts, const TCHAR* Between)
{
	FString Out;
	for (const FString& Part : Parts)
	{
		if (!Out.IsEmpty()) Out.Units += Between;
		Out.Units += Part.Units;
	}
	return Out;
}

inline bool IsRunningCommandlet()
{
	return false;
}
