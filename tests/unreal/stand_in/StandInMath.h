// Mathematics with Unreal's meanings: quaternions by Hamilton's product, transforms that apply from left to right.
#pragma once

struct FVector
{
	double X = 0, Y = 0, Z = 0;
	FVector() = default;
	FVector(double InX, double InY, double InZ) : X(InX), Y(InY), Z(InZ) {}
	FVector operator+(const FVector& V) const { return {X + V.X, Y + V.Y, Z + V.Z}; }
	FVector operator-(const FVector& V) const { return {X - V.X, Y - V.Y, Z - V.Z}; }
	FVector operator*(double S) const { return {X * S, Y * S, Z * S}; }
	FVector Cross(const FVector& V) const { return {Y * V.Z - Z * V.Y, Z * V.X - X * V.Z, X * V.Y - Y * V.X}; }
	static const FVector ZeroVector;
	static const FVector UpVector;
};
inline const FVector FVector::ZeroVector{};
inline const FVector FVector::UpVector{0, 0, 1};

struct FQuat
{
	double X = 0, Y = 0, Z = 0, W = 1;
	FQuat() = default;
	FQuat(double InX, double InY, double InZ, double InW) : X(InX), Y(InY), Z(InZ), W(InW) {}
	FQuat(const FVector& Axis, double Angle)
		: X(Axis.X * std::sin(Angle / 2)), Y(Axis.Y * std::sin(Angle / 2)), Z(Axis.Z * std::sin(Angle / 2)), W(std::cos(Angle / 2))
	{
	}
	FQuat operator*(const FQuat& Q) const
	{
		return {W * Q.X + X * Q.W + Y * Q.Z - Z * Q.Y, W * Q.Y - X * Q.Z + Y * Q.W + Z * Q.X,
			W * Q.Z + X * Q.Y - Y * Q.X + Z * Q.W, W * Q.W - X * Q.X - Y * Q.Y - Z * Q.Z};
	}
	FQuat GetNormalized() const
	{
		const double Length = std::sqrt(X * X + Y * Y + Z * Z + W * W);
		return {X / Length, Y / Length, Z / Length, W / Length};
	}
	FQuat Inverse() const { return {-X, -Y, -Z, W}; }
	FVector RotateVector(const FVector& V) const
	{
		const FVector Axis(X, Y, Z);
		const FVector T = Axis.Cross(V) * 2;
		return V + T * W + Axis.Cross(T);
	}
	FVector UnrotateVector(const FVector& V) const { return Inverse().RotateVector(V); }
	double AngularDistance(const FQuat& Q) const
	{
		const double Dot = X * Q.X + Y * Q.Y + Z * Q.Z + W * Q.W;
		return 2 * std::acos(std::min(1.0, std::abs(Dot)));
	}
	static FQuat Slerp(const FQuat& A, const FQuat& B, float Alpha)
	{
		double Dot = A.X * B.X + A.Y * B.Y + A.Z * B.Z + A.W * B.W;
		const double Sign = Dot < 0 ? -1 : 1;
		Dot *= Sign;
		double From = 1 - Alpha, To = Alpha;
		if (Dot < 0.9999)
		{
			const double Angle = std::acos(Dot);
			From = std::sin(From * Angle) / std::sin(Angle);
			To = std::sin(To * Angle) / std::sin(Angle);
		}
		To *= Sign;
		return {From * A.X + To * B.X, From * A.Y + To * B.Y, From * A.Z + To * B.Z, From * A.W + To * B.W};
	}
	static const FQuat Identity;
};
inline const FQuat FQuat::Identity{};

/** Without scale. A * B applies A, then B. */
class FTransform
{
public:
	FTransform() = default;
	FTransform(const FQuat& InRotation, const FVector& InTranslation) : Rotation(InRotation), Translation(InTranslation) {}
	FQuat GetRotation() const { return Rotation; }
	FVector GetTranslation() const { return Translation; }
	void SetRotation(const FQuat& To) { Rotation = To; }
	void SetTranslation(const FVector& To) { Translation = To; }
	FVector TransformPosition(const FVector& V) const { return Rotation.RotateVector(V) + Translation; }
	FVector InverseTransformPosition(const FVector& V) const { return Rotation.UnrotateVector(V - Translation); }
	FTransform operator*(const FTransform& Then) const
	{
		return {Then.Rotation * Rotation, Then.TransformPosition(Translation)};
	}
	FTransform GetRelativeTransform(const FTransform& To) const
	{
		return {To.Rotation.Inverse() * Rotation, To.InverseTransformPosition(Translation)};
	}
	static const FTransform Identity;

private:
	FQuat Rotation;
	FVector Translation;
};
inline const FTransform FTransform::Identity{};

/** Single precision, as assets keep it. */
struct FVector3f
{
	float X, Y, Z;
	FVector3f(float InX, float InY, float InZ) : X(InX), Y(InY), Z(InZ) {}
	explicit FVector3f(const FVector& V) : X(float(V.X)), Y(float(V.Y)), Z(float(V.Z)) {}
	static const FVector3f OneVector;
};
inline const FVector3f FVector3f::OneVector{1, 1, 1};
struct FQuat4f
{
	float X, Y, Z, W;
	explicit FQuat4f(const FQuat& Q) : X(float(Q.X)), Y(float(Q.Y)), Z(float(Q.Z)), W(float(Q.W)) {}
};

struct FMath
{
	static int32 RoundToInt32(double V) { return int32(std::floor(V + 0.5)); }
	static float Sin(float V) { return std::sin(V); }
	static float Fmod(float A, float B) { return std::fmod(A, B); }
	template <typename T>
	static T Min(T A, T B) { return A < B ? A : B; }
	static FVector Lerp(const FVector& A, const FVector& B, float Alpha) { return A + (B - A) * Alpha; }
};

struct FGuid
{
	uint32 A = 0, B = 0, C = 0, D = 0;
};
