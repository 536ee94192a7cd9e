#include "skeleton.hpp"

#include <cstring>
#include <unordered_set>

#include "error.hpp"

namespace pw {
namespace {

bool finite(Vec3f v) { return std::isfinite(v.x) && std::isfinite(v.y) && std::isfinite(v.z); }

}  // namespace

Skeleton::Skeleton(SkeletonParts parts, const std::string& what) : parts_(std::move(parts)) {
    check(what);
    for (uint32_t j = 0; j < size(); ++j) {
        parts_.rotations[j] = normalise(parts_.rotations[j]);
        const Quatd own = normalise(wide(rest(j)));
        const int32_t parent = this->parent(j);
        rest_globals_.push_back(parent < 0 ? own : rest_globals_[size_t(parent)] * own);
        const Vec3d step = wide(position(j)) - (parent < 0 ? Vec3d{} : wide(position(uint32_t(parent))));
        const Quatd back = parent < 0 ? Quatd{} : conjugate(rest_globals_[size_t(parent)]);
        offsets_.push_back(narrow(rotate(back, step)));
    }
}

void Skeleton::check(const std::string& what) const {
    const size_t count = parts_.names.size();
    if (count == 0) throw invalid(what + ": expected at least one joint, found none");
    if (parts_.pelvis >= count)
        throw invalid(what + ": expected a pelvis below " + std::to_string(count) + ", found " +
                      std::to_string(parts_.pelvis));
    if (!std::isfinite(parts_.sole)) throw invalid(what + ": expected a finite height of the soles");
    std::unordered_set<std::string> seen;
    for (size_t j = 0; j < count; ++j) {
        const std::string field = what + "[" + std::to_string(j) + "]";
        if (!seen.insert(parts_.names[j]).second)
            throw invalid(field + ".name: expected unique names, found '" + parts_.names[j] + "' again");
        const int32_t parent = parts_.parents[j];
        if (parent < -1 || parent >= int32_t(j))
            throw invalid(field + ".parent: expected -1 or the index of an earlier joint, found " +
                          std::to_string(parent));
        if (!finite(parts_.positions[j])) throw invalid(field + ".position: expected finite numbers");
        const Quatf q = parts_.rotations[j];
        if (!(std::abs(std::sqrt(dot(q, q)) - 1) < 1e-3f))
            throw invalid(field + ".rotation: expected a unit quaternion");
    }
}

int32_t Skeleton::find(const char* name) const {
    for (uint32_t j = 0; j < size(); ++j)
        if (std::strcmp(parts_.names[j].c_str(), name) == 0) return int32_t(j);
    return -1;
}

Quatf Skeleton::above(uint32_t joint, const float* rotations) const {
    Quatf out;
    for (int32_t j = parent(joint); j >= 0; j = parent(uint32_t(j))) out = load4(rotations + 4 * j) * out;
    return out;
}

void Skeleton::above(uint32_t joint, const float* rotations, Quatf& rotation, Vec3f& position) const {
    rotation = {}, position = {};
    for (int32_t j = parent(joint); j >= 0; j = parent(uint32_t(j))) {
        const Quatf q = load4(rotations + 4 * j);
        position = rotate(q, position) + offsets_[size_t(j)];
        rotation = q * rotation;
    }
}

void Skeleton::forward(const float* rotations, Vec3f root, float* turned, float* placed) const {
    for (uint32_t j = 0; j < size(); ++j) {
        const int32_t parent = this->parent(j);
        const Quatf own = load4(rotations + 4 * j);
        if (parent < 0) {
            store(turned + 4 * j, own);
            store(placed + 3 * j, offsets_[j]);
        } else {
            const Quatf above = load4(turned + 4 * parent);
            store(turned + 4 * j, above * own);
            store(placed + 3 * j, load3(placed + 3 * parent) + rotate(above, offsets_[j]));
        }
        if (j == pelvis()) store(placed + 3 * j, root);
    }
}

}  // namespace pw
