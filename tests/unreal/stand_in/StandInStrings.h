// Strings: UTF-16 inside, as Unreal's.
#pragma once

inline std::string StandInUtf8(const std::u16string& Text)
{
	std::string Out;
	for (std::size_t I = 0; I < Text.size(); ++I)
	{
		std::uint32_t C = Text[I];
		if (C >= 0xD800 && C < 0xDC00 && I + 1 < Text.size()) C = 0x10000 + ((C - 0xD800) << 10) + (Text[++I] - 0xDC00);
		if (C < 0x80) Out += char(C);
		else if (C < 0x800) (Out += char(0xC0 | (C >> 6))) += char(0x80 | (C & 63));
		else if (C < 0x10000) ((Out += char(0xE0 | (C >> 12))) += char(0x80 | ((C >> 6) & 63))) += char(0x80 | (C & 63));
		else (((Out += char(0xF0 | (C >> 18))) += char(0x80 | ((C >> 12) & 63))) += char(0x80 | ((C >> 6) & 63))) += char(0x80 | (C & 63));
	}
	return Out;
}

inline std::u16string StandInUtf16(const char* Text)
{
	std::u16string Out;
	for (const unsigned char* P = reinterpret_cast<const unsigned char*>(Text); *P;)
	{
		const int More = *P < 0x80 ? 0 : *P < 0xE0 ? 1 : *P < 0xF0 ? 2 : 3;
		std::uint32_t C = More == 0 ? *P : *P & (0x3F >> More);
		++P;
		for (int I = 0; I < More && *P; ++I) C = (C << 6) | (*P++ & 63);
		if (C >= 0x10000) (Out += char16_t(0xD800 + ((C - 0x10000) >> 10))) += char16_t(0xDC00 + ((C - 0x10000) & 1023));
		else Out += char16_t(C);
	}
	return Out;
}

class FTCHARToUTF8
{
public:
	explicit FTCHARToUTF8(const TCHAR* Text) : Bytes(StandInUtf8(Text)) {}
	FTCHARToUTF8(const FTCHARToUTF8&) = delete;
	const char* Get() const { return Bytes.c_str(); }
	int32 Length() const { return int32(Bytes.size()); }

private:
	std::string Bytes;
};

class FUTF8ToTCHAR
{
public:
	explicit FUTF8ToTCHAR(const char* Text) : Units(StandInUtf16(Text)) {}
	const TCHAR* Get() const { return Units.c_str(); }

private:
	std::u16string Units;
};
#define UTF8_TO_TCHAR(Text) FUTF8ToTCHAR(Text).Get()

template <typename T>
class TArray;

class FString
{
public:
	FString() = default;
	FString(const TCHAR* Text) : Units(Text) {}

	const TCHAR* operator*() const { return Units.c_str(); }
	bool IsEmpty() const { return Units.empty(); }
	void Reset() { Units.clear(); }
	FString Left(int32 Count) const { return FString(Units.substr(0, std::size_t(Count)).c_str()); }
	void AppendChar(TCHAR Letter) { Units += Letter; }
	FString operator+(const TCHAR* More) const { return FString((Units + More).c_str()); }
	FString operator+(const FString& More) const { return *this + *More; }
	auto begin() const { return Units.begin(); }
	auto end() const { return Units.end(); }
	bool operator==(const FString& Other) const { return Units == Other.Units; }

	/** %s takes TCHAR*, as in Unreal; %d and %f as usual. */
	template <typename... A>
	static FString Printf(const TCHAR* Format, const A&... Arguments)
	{
		FString Out;
		Out.Units = StandInUtf16(Formatted(StandInUtf8(Format), Arguments...).c_str());
		return Out;
	}

	static FString Join(const TArray<FString>& Parts, const TCHAR* Between);

	std::u16string Units;

private:
	static std::string Formatted(const std::string& Format) { return Format; }
	template <typename First, typename... A>
	static std::string Formatted(const std::string& Format, const First& Argument, const A&... Rest)
	{
		const std::size_t At = Format.find('%');
		const std::size_t End = At == std::string::npos ? At : Format.find_first_of("sdf", At);
		if (End == std::string::npos) return "(wrong format) " + Format;
		return Format.substr(0, At) + One(Format.substr(At, End + 1 - At), Argument) + Formatted(Format.substr(End + 1), Rest...);
	}
	template <typename T>
	static std::string One(const std::string& Specifier, const T& Argument)
	{
		if constexpr (std::is_convertible_v<T, const TCHAR*>)
		{
			return Specifier.back() == 's' ? StandInUtf8(static_cast<const TCHAR*>(Argument)) : "(wrong argument)";
		}
		else
		{
			static_assert(std::is_arithmetic_v<T>, "Printf takes numbers and TCHAR*: put * before an FString");
			char Buffer[64];
			std::snprintf(Buffer, sizeof Buffer, Specifier.c_str(), Argument);
			return (Specifier.back() == 'd') == std::is_integral_v<T> ? Buffer : "(wrong argument)";
		}
	}
};

class FName
{
public:
	FName() = default;
	FName(const TCHAR* Text) : Name(Text) {}
	FString ToString() const { return Name; }
	bool operator==(const FName& Other) const { return Name == Other.Name; }

private:
	FString Name;
};

class FText
{
public:
	static FText FromString(const FString& From) { FText Out; Out.Text = From; return Out; }
	static FText Format(const FText& Pattern, const FText& Argument)
	{
		FText Out = Pattern;
		const std::size_t At = Out.Text.Units.find(u"{0}");
		if (At != std::u16string::npos) Out.Text.Units.replace(At, 3, Argument.Text.Units);
		return Out;
	}
	const FString& ToString() const { return Text; }

private:
	FString Text;
};
#define LOCTEXT(Key, Text) FText::FromString(FString(TEXT(Text)))

struct FChar
{
	static bool IsAlnum(TCHAR Letter) { return Letter < 128 && std::isalnum(Letter); }
	static TCHAR ToLower(TCHAR Letter) { return Letter < 128 ? TCHAR(std::tolower(Letter)) : Letter; }
};

struct FCStringAnsi
{
	static int32 Strcmp(const char* A, const char* B) { return std::strcmp(A, B); }
};
