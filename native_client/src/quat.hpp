// Vectors and unit quaternions, xyzw, Hamilton product. Knows nothing of skeletons or time.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace pw {

template <class T>
struct Vec3 {
    T x{}, y{}, z{};

    friend Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
    friend Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
    friend Vec3 operator*(Vec3 a, T s) { return {a.x * s, a.y * s, a.z * s}; }
};

template <class T>
struct Quat {
    T x{}, y{}, z{}, w{1};

    // First `b`, then `a`.
    friend Quat operator*(Quat a, Quat b) {
        return {a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y, a.w * b.y - a.x * b.z + a.y * b.w + a.z * b.x,
                a.w * b.z + a.x * b.y - a.y * b.x + a.z * b.w, a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z};
    }
};

using Vec3f = Vec3<float>;
using Vec3d = Vec3<double>;
using Quatf = Quat<float>;
using Quatd = Quat<double>;

inline Vec3f load3(const float* p) { return {p[0], p[1], p[2]}; }
inline Quatf load4(const float* p) { return {p[0], p[1], p[2], p[3]}; }
inline void store(float* p, Vec3f v) { p[0] = v.x, p[1] = v.y, p[2] = v.z; }
inline void store(float* p, Quatf q) { p[0] = q.x, p[1] = q.y, p[2] = q.z, p[3] = q.w; }

inline Vec3d wide(Vec3f v) { return {v.x, v.y, v.z}; }
inline Quatd wide(Quatf q) { return {q.x, q.y, q.z, q.w}; }
inline Vec3f narrow(Vec3d v) { return {float(v.x), float(v.y), float(v.z)}; }
inline Quatf narrow(Quatd q) { return {float(q.x), float(q.y), float(q.z), float(q.w)}; }

template <class T>
T dot(Vec3<T> a, Vec3<T> b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

template <class T>
T dot(Quat<T> a, Quat<T> b) {
    return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}

template <class T>
Vec3<T> cross(Vec3<T> a, Vec3<T> b) {
    return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

template <class T>
T length(Vec3<T> v) {
    return std::sqrt(dot(v, v));
}

// What has no length stays zero.
template <class T>
Vec3<T> normalise(Vec3<T> v) {
    const T norm = length(v);
    return norm > 0 ? v * (1 / norm) : Vec3<T>{};
}

// What has no length becomes the identity.
template <class T>
Quat<T> normalise(Quat<T> q) {
    const T square = dot(q, q);
    if (!(square > 0)) return {};
    const T s = 1 / std::sqrt(square);
    return {q.x * s, q.y * s, q.z * s, q.w * s};
}

template <class T>
Quat<T> conjugate(Quat<T> q) {
    return {-q.x, -q.y, -q.z, q.w};
}

template <class T>
Vec3<T> rotate(Quat<T> q, Vec3<T> v) {
    const Vec3<T> axis{q.x, q.y, q.z};
    const Vec3<T> t = cross(axis, v) * T(2);
    return v + t * q.w + cross(axis, t);
}

// The shortest turn that brings the direction of `a` to that of `b`. For opposite directions the axis is
// cross(a, e), where e is the coordinate axis least along `a`. To or from a vector of no length nothing turns.
template <class T>
Quat<T> between(Vec3<T> a, Vec3<T> b) {
    a = normalise(a), b = normalise(b);
    if (dot(a, a) == 0 || dot(b, b) == 0) return {};
    const Vec3<T> middle = a + b;
    if (length(middle) < std::sqrt(std::numeric_limits<T>::epsilon())) {
        const T x = std::abs(a.x), y = std::abs(a.y), z = std::abs(a.z);
        const Vec3<T> least = x <= y && x <= z ? Vec3<T>{1, 0, 0}
                              : y <= z         ? Vec3<T>{0, 1, 0}
                                               : Vec3<T>{0, 0, 1};
        const Vec3<T> axis = normalise(cross(a, least));
        return {axis.x, axis.y, axis.z, 0};
    }
    const Vec3<T> half = normalise(middle);
    const Vec3<T> axis = cross(a, half);
    return {axis.x, axis.y, axis.z, dot(a, half)};
}

namespace detail {

// sin(t θ) / sin θ for x = cos θ - 1 not below -0.1, to within float's rounding: six terms of its power
// series in x, so that sampling needs no trigonometry.
inline float slerp_weight(float t, float x) {
    constexpr float a[] = {1 / 3.f, 1 / 10.f, 1 / 21.f, 1 / 36.f, 1 / 55.f, 1 / 78.f};
    constexpr float b[] = {1 / 3.f, 2 / 5.f, 3 / 7.f, 4 / 9.f, 5 / 11.f, 6 / 13.f};
    const float square = t * t;
    float sum = 1;
    for (int i = 5; i >= 0; --i) sum = 1 + (a[i] * square - b[i]) * x * sum;
    return t * sum;
}

inline void slerp_weights(float t, float cosine, float& from_a, float& from_b) {
    if (cosine >= 0.9f) {
        from_a = slerp_weight(1 - t, cosine - 1);
        from_b = slerp_weight(t, cosine - 1);
        return;
    }
    const float angle = std::acos(cosine);
    const float inverse = 1 / std::sin(angle);
    from_a = std::sin((1 - t) * angle) * inverse;
    from_b = std::sin(t * angle) * inverse;
}

}  // namespace detail

// The way from `a` (t = 0) to `b` (t = 1) along the shorter arc, on `a`'s side of the sign.
inline Quatf slerp(Quatf a, Quatf b, float t) {
    const float cosine = dot(a, b);
    float from_a, from_b;
    detail::slerp_weights(t, std::min(std::abs(cosine), 1.f), from_a, from_b);
    if (cosine < 0) from_b = -from_b;
    return normalise(Quatf{from_a * a.x + from_b * b.x, from_a * a.y + from_b * b.y,
                           from_a * a.z + from_b * b.z, from_a * a.w + from_b * b.w});
}

inline Vec3f lerp(Vec3f a, Vec3f b, float t) { return a * (1 - t) + b * t; }

constexpr float kPi = 3.14159265358979f;

// The same angle, within half a turn of zero.
inline float wrap(float radians) { return std::remainder(radians, 2 * kPi); }

// How far a rotation away from rest turns about the vertical: its twist about +Y, so that it stays well
// defined for a body that bends over or lies down.
inline float heading(Quatf q) { return wrap(2 * std::atan2(q.y, q.w)); }

inline Quatf from_heading(float radians) { return {0, std::sin(radians / 2), 0, std::cos(radians / 2)}; }

}  // namespace pw
