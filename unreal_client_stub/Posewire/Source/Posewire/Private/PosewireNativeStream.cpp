#include "PosewireNativeStream.h"

namespace
{
FPosewireEvent::EKind KindOf(const pw_event& Event)
{
	switch (Event.kind)
	{
	case PW_EVENT_HEADER:
		return FPosewireEvent::EKind::Started;
	case PW_EVENT_CHUNK:
		return FPosewireEvent::EKind::Chunk;
	case PW_EVENT_NOTICE:
		return FPosewireEvent::EKind::Notice;
	case PW_EVENT_SEGMENT:
		return FPosewireEvent::EKind::Segment;
	case PW_EVENT_STATUS:
		return FPosewireEvent::EKind::Status;
	case PW_EVENT_ANSWER:
		return Event.code == PW_OK ? FPosewireEvent::EKind::Other : FPosewireEvent::EKind::Refused;
	default:
		return FPosewireEvent::EKind::Other;
	}
}
} // namespace

FPosewireNativeStream::FPosewireNativeStream(TSharedRef<const FPosewireLibrary> InLibrary, pw_stream* InHandle)
	: Library(InLibrary)
	, Handle(InHandle)
{
}

FPosewireNativeStream::~FPosewireNativeStream()
{
	Library->pw_stream_destroy(Handle);
}

bool FPosewireNativeStream::Poll(FPosewireEvent& Out)
{
	pw_event Event = {};
	Event.struct_size = sizeof Event;
	if (Library->pw_stream_poll(Handle, &Event) != PW_POLL_EVENT)
	{
		return false;
	}
	Out = FPosewireEvent();
	Out.Kind = KindOf(Event);
	Out.Code = Event.code;
	Out.FirstFrame = int32(Event.first_frame);
	Out.Frames = int32(Event.frames);
	Out.Message = FString(UTF8_TO_TCHAR(Event.message ? Event.message : ""));
	Out.Name = FString(UTF8_TO_TCHAR(Event.name ? Event.name : ""));
	if (Out.Kind == FPosewireEvent::EKind::Started)
	{
		ReadHeader(Out);
	}
	return true;
}

void FPosewireNativeStream::ReadHeader(FPosewireEvent& Out) const
{
	pw_header Header = {};
	Header.struct_size = sizeof Header;
	if (Library->pw_stream_header(Handle, &Header) != PW_OK)
	{
		return;
	}
	Out.Name = FString(UTF8_TO_TCHAR(Header.model));
	Out.Message = FString(UTF8_TO_TCHAR(Header.licence_notice));
	for (uint32 Bit = 0; Bit < Header.contact_count; ++Bit)
	{
		Out.Feet.Add(FName(UTF8_TO_TCHAR(Header.contact_names[Bit])));
	}
}

void FPosewireNativeStream::Cancel()
{
	Library->pw_stream_cancel(Handle);
}

bool FPosewireNativeStream::Say(const FString& Prompt, bool bQueued, FString& Error)
{
	const FTCHARToUTF8 Text(*Prompt);
	if (Library->pw_live_prompt(Handle, Text.Get(), nullptr, bQueued, nullptr) == PW_OK)
	{
		return true;
	}
	Error = PosewireLastError(*Library);
	return false;
}

bool FPosewireNativeStream::Rest(FString& Error)
{
	if (Library->pw_live_stop(Handle, nullptr) == PW_OK)
	{
		return true;
	}
	Error = PosewireLastError(*Library);
	return false;
}

void FPosewireNativeStream::EndLive()
{
	Library->pw_live_close(Handle);
}
