// Streams of libposewire.
#pragma once

#include "PosewireBackend.h"
#include "PosewireLibrary.h"

/** A stream of libposewire. */
class FPosewireNativeStream : public IPosewireStream
{
public:
	FPosewireNativeStream(TSharedRef<const FPosewireLibrary> InLibrary, pw_stream* InHandle);
	virtual ~FPosewireNativeStream() override;

	virtual bool Poll(FPosewireEvent& Out) override;
	virtual void Cancel() override;
	virtual bool Say(const FString& Prompt, bool bQueued, FString& Error) override;
	virtual bool Rest(FString& Error) override;
	virtual void EndLive() override;

	pw_stream* GetHandle() const { return Handle; }

private:
	void ReadHeader(FPosewireEvent& Out) const;

	TSharedRef<const FPosewireLibrary> Library;
	pw_stream* Handle;
};

/** Why a function of libposewire just failed. */
inline FString PosewireLastError(const FPosewireLibrary& Library)
{
	return FString(UTF8_TO_TCHAR(Library.pw_last_error()));
}
