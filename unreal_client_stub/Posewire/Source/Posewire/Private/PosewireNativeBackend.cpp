// A server, through libposewire.
#include "PosewireBackends.h"
#include "PosewireNativePlayer.h"

namespace
{
/** A request as UTF-8, for as long as libposewire looks at it. */
struct FRequestTexts
{
	explicit FRequestTexts(const FPosewireRequest& Request)
		: Prompt(*Request.Prompt)
		, Model(*Request.Model)
		, Preset(*Request.Preset)
		, Seed(uint64(Request.Seed))
	{
	}

	static const char* OrNull(const FTCHARToUTF8& Text) { return Text.Length() > 0 ? Text.Get() : nullptr; }

	FTCHARToUTF8 Prompt;
	FTCHARToUTF8 Model;
	FTCHARToUTF8 Preset;
	uint64_t Seed;
};

class FPosewireNativeBackend : public IPosewireBackend
{
public:
	FPosewireNativeBackend(TSharedRef<const FPosewireLibrary> InLibrary, pw_client* InHandle)
		: Library(InLibrary)
		, Handle(InHandle)
	{
	}

	virtual ~FPosewireNativeBackend() override
	{
		Library->pw_reply_destroy(Warming);
		Library->pw_client_destroy(Handle);
	}

	virtual EPosewireConnection GetConnection() const override
	{
		return EPosewireConnection(Library->pw_client_get_state(Handle));
	}

	virtual FString GetVersion() const override { return FString(UTF8_TO_TCHAR(Library->pw_version())); }

	virtual void Warm(const TArray<FString>& Prompts, const FString& Model) override;
	virtual TSharedPtr<IPosewireStream> Generate(const FPosewireRequest& Request, FString& Error) override;
	virtual TSharedPtr<IPosewireStream> BeginLive(const FPosewireRequest& Request, bool bWaitForServer, FString& Error) override;

	virtual TSharedPtr<IPosewirePlayer> MakePlayer(const FPosewireCharacterOptions& Options, FString& Error) override
	{
		return FPosewireNativePlayer::Make(Library, Options, Error);
	}

private:
	TSharedPtr<IPosewireStream> Wrap(pw_code Code, pw_stream* Stream, FString& Error) const
	{
		if (Code != PW_OK)
		{
			Error = PosewireLastError(*Library);
			return nullptr;
		}
		return MakeShareable(new FPosewireNativeStream(Library, Stream));
	}

	TSharedRef<const FPosewireLibrary> Library;
	pw_client* Handle;
	pw_reply* Warming = nullptr;
};

void FPosewireNativeBackend::Warm(const TArray<FString>& Prompts, const FString& Model)
{
	TArray<TArray<char>> Kept;
	TArray<const char*> Pointers;
	for (const FString& Prompt : Prompts)
	{
		const FTCHARToUTF8 Text(*Prompt);
		TArray<char>& Copy = Kept.Emplace_GetRef();
		Copy.Append(Text.Get(), Text.Length());
		Copy.Add('\0');
	}
	for (const TArray<char>& Text : Kept)
	{
		Pointers.Add(Text.GetData());
	}
	const FTCHARToUTF8 ModelText(*Model);
	const char* Models[] = {ModelText.Get()};
	pw_warm_options Wish;
	Library->pw_warm_options_init(&Wish, sizeof Wish);
	Wish.prompts = Pointers.GetData();
	Wish.prompt_count = uint32(Pointers.Num());
	Wish.models = Models;
	Wish.model_count = ModelText.Length() > 0 ? 1 : 0;
	Wish.wait_for_server = 1;
	Library->pw_reply_destroy(Warming);
	Warming = nullptr;
	// Only a hint: what goes wrong with it, the first request will tell.
	Library->pw_warm(Handle, &Wish, &Warming);
}

TSharedPtr<IPosewireStream> FPosewireNativeBackend::Generate(const FPosewireRequest& Request, FString& Error)
{
	const FRequestTexts Texts(Request);
	pw_generate_options Wish;
	Library->pw_generate_options_init(&Wish, sizeof Wish);
	Wish.prompt = Texts.Prompt.Get();
	Wish.model = FRequestTexts::OrNull(Texts.Model);
	Wish.preset = FRequestTexts::OrNull(Texts.Preset);
	Wish.seconds = Request.Seconds;
	Wish.seeds = Request.Seed >= 0 ? &Texts.Seed : nullptr;
	Wish.seed_count = Request.Seed >= 0 ? 1 : 0;
	Wish.resume_seconds = Request.ResumeSeconds;
	Wish.priority = PW_PRIORITY_INTERACTIVE;
	pw_stream* Stream = nullptr;
	const pw_code Code = Library->pw_generate(Handle, &Wish, &Stream);
	return Wrap(Code, Stream, Error);
}

TSharedPtr<IPosewireStream> FPosewireNativeBackend::BeginLive(const FPosewireRequest& Request, bool bWaitForServer, FString& Error)
{
	const FRequestTexts Texts(Request);
	pw_live_options Wish;
	Library->pw_live_options_init(&Wish, sizeof Wish);
	Wish.prompt = FRequestTexts::OrNull(Texts.Prompt);
	Wish.model = FRequestTexts::OrNull(Texts.Model);
	Wish.preset = FRequestTexts::OrNull(Texts.Preset);
	Wish.seed = Request.Seed >= 0 ? &Texts.Seed : nullptr;
	Wish.resume_seconds = Request.ResumeSeconds;
	Wish.wait_for_server = bWaitForServer;
	pw_stream* Stream = nullptr;
	const pw_code Code = Library->pw_live_open(Handle, &Wish, &Stream);
	return Wrap(Code, Stream, Error);
}
} // namespace

TSharedPtr<IPosewireBackend> MakePosewireNativeBackend(TSharedRef<const FPosewireLibrary> Library, const FPosewireServer& Server, FString& Error)
{
	const FTCHARToUTF8 Target(*Server.Target);
	const FTCHARToUTF8 Token(*Server.Token);
	const FTCHARToUTF8 Certificates(*Server.Certificates);
	pw_client_options Wish;
	Library->pw_client_options_init(&Wish, sizeof Wish);
	Wish.target = Target.Get();
	Wish.token = FRequestTexts::OrNull(Token);
	Wish.ca_pem = FRequestTexts::OrNull(Certificates);
	Wish.shutdown_seconds = Server.ShutdownSeconds;
	pw_client* Handle = nullptr;
	if (Library->pw_client_create(&Wish, &Handle) != PW_OK)
	{
		Error = PosewireLastError(*Library);
		return nullptr;
	}
	return MakeShareable(new FPosewireNativeBackend(Library, Handle));
}
