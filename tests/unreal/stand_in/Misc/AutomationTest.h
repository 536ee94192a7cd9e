#pragma once
#include "CoreMinimal.h"
namespace EAutomationTestFlags
{
enum Type { EditorContext = 1, ProductFilter = 2 };
}
class FAutomationTestBase
{
public:
	explicit FAutomationTestBase(const char* InName) : Name(InName) { All().push_back(this); }
	virtual ~FAutomationTestBase() = default;
	virtual bool RunTest(const FString& Parameters) = 0;
	bool TestTrue(const TCHAR* What, bool bValue) { if (!bValue) { ++Failures; std::printf("%s: %s\n", Name, StandInUtf8(What).c_str()); } return bValue; }
	bool TestFalse(const TCHAR* What, bool bValue) { return TestTrue(What, !bValue); }
	static std::vector<FAutomationTestBase*>& All() { static std::vector<FAutomationTestBase*> Tests; return Tests; }
	const char* Name;
	int Failures = 0;
};
#define IMPLEMENT_SIMPLE_AUTOMATION_TEST(Class, PrettyName, Flags)        \
	class Class : public FAutomationTestBase                              \
	{                                                                     \
	public:                                                               \
		Class() : FAutomationTestBase(PrettyName) { static_assert((Flags) != 0, ""); } \
		virtual bool RunTest(const FString& Parameters) override;         \
	};                                                                    \
	static Class Class##Instance;
