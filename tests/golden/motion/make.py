"""Makes the vectors of this folder: what Python, C++ and C# must all compute.

    python tests/golden/motion/make.py

Expected values come from first principles, float64 and explicit matrices; nothing of Posewire is called.
Quaternions are xyzw. One that an operation defines only up to sign is stored with w >= 0: compare the
rotation, not the four numbers, unless the file's `about` says that the sign counts.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
JOINTS = """
Pelvis     -1  -0.001795 -0.190827  0.028219
L_Hip       0   0.080577 -0.280765  0.025117
R_Hip       0  -0.080577 -0.280765  0.025117
Spine1      0   0.000000 -0.096641  0.031726
L_Knee      1   0.099836 -0.658082  0.014663
R_Knee      2  -0.097853 -0.658178  0.014663
Spine2      3   0.000000  0.025981  0.029185
L_Ankle     4   0.101074 -1.056220 -0.037459
R_Ankle     5  -0.096997 -1.056317 -0.037459
Spine3      6   0.000000  0.106241  0.005012
L_Foot      7   0.113632 -1.127859  0.105247
R_Foot      8  -0.109179 -1.128021  0.105247
Neck        9   0.000000  0.302071 -0.014954
L_Collar    9   0.054692  0.225074 -0.020233
R_Collar    9  -0.054692  0.225074 -0.020233
Head       12   0.000000  0.397715 -0.016454
L_Shoulder 13   0.165353  0.237455 -0.016860
R_Shoulder 14  -0.165353  0.237455 -0.016860
L_Elbow    16   0.433444  0.249386 -0.029562
R_Elbow    17  -0.433444  0.249386 -0.029562
L_Wrist    18   0.702487  0.253420 -0.042731
R_Wrist    19  -0.702487  0.253420 -0.042731
"""
ROWS = [line.split() for line in JOINTS.strip().splitlines()]
SMPL22 = {
    "names": [row[0] for row in ROWS],
    "parents": [int(row[1]) for row in ROWS],
    "positions": np.array([[float(x) for x in row[2:]] for row in ROWS]),
    "pelvis": 0,
    "sole": -1.161,
}
# The matrix that takes our axes to a program's, written out, and its units in a metre.
PROGRAMS = {
    "unity": ([[-1, 0, 0], [0, 1, 0], [0, 0, 1]], 1),
    "unreal_component": ([[1, 0, 0], [0, 0, 1], [0, 1, 0]], 100),
    "unreal_actor": ([[0, 0, 1], [-1, 0, 0], [0, 1, 0]], 100),
    "blender": ([[1, 0, 0], [0, 0, -1], [0, 1, 0]], 1),
    "gltf": ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], 1),
    "godot": ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], 1),
}
Skeleton = dict[str, Any]


# ------------------------------------------------------------------------------ rotations as matrices


def cross_matrix(v):
    """[v]x, so that [v]x u = v x u."""
    return np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])


def turn(axis, angle):
    """Rodrigues' formula."""
    k = cross_matrix(np.asarray(axis, float) / np.linalg.norm(axis))
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def matrix(q):
    """The matrix whose columns are q e q* for the axes e, by two 4x4 products."""
    x, y, z, w = q
    left = np.array([[w, -z, y, x], [z, w, -x, y], [-y, x, w, z], [-x, -y, -z, w]])
    right = np.array([[w, -z, y, -x], [z, w, -x, -y], [-y, x, w, -z], [x, y, z, w]])
    return (left @ right)[:3, :3]


def quaternion(r):
    """The dominant eigenvector of the symmetric matrix that every rotation has, w >= 0."""
    k = np.array(
        [
            [r[0, 0] - r[1, 1] - r[2, 2], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0], r[2, 1] - r[1, 2]],
            [r[0, 1] + r[1, 0], r[1, 1] - r[0, 0] - r[2, 2], r[1, 2] + r[2, 1], r[0, 2] - r[2, 0]],
            [r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], r[2, 2] - r[0, 0] - r[1, 1], r[1, 0] - r[0, 1]],
            [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], np.trace(r)],
        ]
    )
    q = np.linalg.eigh(k)[1][:, -1]
    return q if q[3] >= 0 else -q


def axis_and_angle(r):
    """The turn of a matrix, its angle between 0 and pi."""
    q = quaternion(r)
    sine = np.linalg.norm(q[:3])
    return (q[:3] / sine if sine > 0 else np.eye(3)[0]), 2 * np.arctan2(sine, q[3])


def arc(a, b):
    """The shortest turn from one direction to another that isn't its opposite."""
    axis = np.cross(a, b)
    if np.linalg.norm(axis) == 0:
        return np.eye(3)
    return turn(axis, np.arctan2(np.linalg.norm(axis), np.dot(a, b)))


def random_rotations(random, *shape):
    q = random.standard_normal((*shape, 4))
    return q / np.linalg.norm(q, axis=-1, keepdims=True)


def each(function, values, depth):
    """A function of one thing over `depth` axes of them."""
    return function(values) if depth == 0 else np.array([each(function, v, depth - 1) for v in values])


# ------------------------------------------------------------------------------------------ the files


def conversions(random) -> dict[str, Any]:
    positions = random.uniform(-3, 3, (12, 3)).round(3)
    rotations = random_rotations(random, 12)
    rotations = rotations[np.abs(rotations[:, 3]) > 0.05]
    programs = {}
    for name, (rows, units) in PROGRAMS.items():
        m = np.array(rows, float)
        there = [quaternion(m @ matrix(q) @ m.T) * np.sign(q[3]) for q in rotations]
        programs[name] = {"positions": positions @ m.T * units, "rotations": there}
    return {
        "about": "The same positions and rotations in the axes and units of each program. The sign counts.",
        "canonical": {"positions": positions, "rotations": rotations},
        **programs,
    }


def quaternions(random) -> dict[str, Any]:
    a, b = random_rotations(random, 2, 10)
    b[:2] = a[:2] + 1e-6 * random.standard_normal((2, 4))
    b[:2] /= np.linalg.norm(b[:2], axis=-1, keepdims=True)
    v, u = random.standard_normal((2, 10, 3))
    t = random.uniform(0, 1, 10).round(3)
    steps = [axis_and_angle(matrix(p).T @ matrix(q)) for p, q in zip(a, b, strict=True)]
    between = [
        quaternion(matrix(p) @ turn(axis, angle * s)) for p, (axis, angle), s in zip(a, steps, t, strict=True)
    ]
    angles = random.uniform(-1.5, 1.5, (6, 3)).round(3)
    orders = ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"]
    elementary = [
        [turn(np.eye(3)["XYZ".index(letter)], angle) for letter, angle in zip(order, row, strict=True)]
        for order, row in zip(orders, angles, strict=True)
    ]
    return {
        "about": "One entry of every list belongs to one case. `slerp` goes from a to b along the shorter "
        "arc by t; `between` turns v to u; `euler` is R = R1 R2 R3 in the order's letters.",
        "a": a,
        "b": b,
        "t": t,
        "v": v,
        "u": u,
        "matrix": each(matrix, a, 1),
        "product": [quaternion(matrix(p) @ matrix(q)) for p, q in zip(a, b, strict=True)],
        "inverse": [quaternion(matrix(p).T) for p in a],
        "rotated": [matrix(p) @ x for p, x in zip(a, v, strict=True)],
        "angle": [angle for _, angle in steps],
        "slerp": between,
        "between": [quaternion(arc(x, y)) for x, y in zip(v, u, strict=True)],
        "rotation_vector": [axis * angle for axis, angle in map(axis_and_angle, map(matrix, a))],
        "euler_orders": orders,
        "euler_angles": angles,
        "euler": [quaternion(x @ y @ z) for x, y, z in elementary],
    }


def six_numbers(random) -> dict[str, Any]:
    first, second = random.standard_normal((2, 10, 3))
    matrices = []
    for a, b in zip(first, second, strict=True):
        x = a / np.linalg.norm(a)
        z = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
        matrices.append(np.column_stack([x, np.cross(z, x), z]))
    return {
        "about": "Six numbers that are no rotation yet, in both orders, and the matrix they stand for.",
        "interleaved": np.stack([first, second], axis=-1).reshape(-1, 6),
        "columns": np.concatenate([first, second], axis=-1),
        "matrix": matrices,
    }


def smallest_three(q) -> tuple[bytes, float]:
    """The 48 bits of a rotation, and how near its numbers come to being rounded the other way."""
    largest = max(range(4), key=lambda i: abs(q[i]))
    others = [q[i] * np.sign(q[largest]) for i in range(4) if i != largest]
    scaled = [(c * np.sqrt(2) + 1) / 2 * 32767 for c in others]
    bits = sum(round(s) << (15 * place) for place, s in enumerate(scaled)) | largest << 45
    return bits.to_bytes(6, "little"), min(abs(s % 1 - 0.5) for s in scaled)


def restored(data: bytes) -> list[float]:
    bits = int.from_bytes(data, "little")
    others = [((bits >> 15 * i & 32767) / 32767 * 2 - 1) / np.sqrt(2) for i in range(3)]
    others.insert(bits >> 45 & 3, np.sqrt(max(0.0, 1 - sum(c * c for c in others))))
    return others


def packing(random) -> dict[str, Any]:
    exact = [[0, 0, 0, 1], [1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, -1]]
    candidates = random_rotations(random, 60).astype(np.float32).astype(float)
    # Far from a half, so that float32 and float64 round alike, and no two components nearly the largest.
    clear = [q for q in candidates if smallest_three(q)[1] > 0.05 and np.diff(np.sort(np.abs(q)))[-1] > 1e-3]
    rotations = [[float(c) for c in q] for q in [*exact, *clear[:24]]]
    root = [0.25, 0.9375, -1.5]
    joints, contacts = rotations[4:7], 0b0110
    head, tail = struct.pack("<3f", *root), bytes([contacts])
    return {
        "about": "48 bits a rotation as hex, and what a reader restores (the sign counts); then one whole "
        "frame of three joints in both packings. The rotations are exact in float32.",
        "rotations": rotations,
        "smallest_three_48": [smallest_three(q)[0].hex() for q in rotations],
        "restored": [restored(smallest_three(q)[0]) for q in rotations],
        "frame": {
            "root": root,
            "rotations": joints,
            "contacts": contacts,
            "float32": (head + struct.pack("<12f", *np.ravel(joints)) + tail).hex(),
            "smallest_three_48": (head + b"".join(smallest_three(q)[0] for q in joints) + tail).hex(),
        },
    }


# ------------------------------------------------------------------------------- skeletons as matrices


def rest(skeleton: Skeleton):
    """Rest rotations of all joints in model space, as matrices."""
    return globals_of(skeleton, skeleton.get("rotations", [[0, 0, 0, 1]] * len(skeleton["names"])))


def globals_of(skeleton: Skeleton, rotations):
    out = []
    for q, parent in zip(rotations, skeleton["parents"], strict=True):
        out.append(matrix(q) if parent < 0 else out[parent] @ matrix(q))
    return np.array(out)


def pose(skeleton: Skeleton, rotations, root):
    """Forward kinematics of one frame: model space rotations and positions."""
    turned, at_rest = globals_of(skeleton, rotations), rest(skeleton)
    positions = np.array(skeleton["positions"], float)
    out = positions.copy()
    for j, parent in enumerate(skeleton["parents"]):
        if j == skeleton["pelvis"]:
            out[j] = root
        elif parent >= 0:
            offset = at_rest[parent].T @ (positions[j] - positions[parent])
            out[j] = out[parent] + turned[parent] @ offset
    return turned, out


def kinematics(random) -> dict[str, Any]:
    cases = []
    for skeleton in (SMPL22, character(random, "A-pose")[0]):
        rotations = random_rotations(random, 2, len(skeleton["names"]))
        root = random.uniform(-2, 2, (2, 3)).round(3)
        posed = [pose(skeleton, q, p) for q, p in zip(rotations, root, strict=True)]
        cases.append(
            {
                "skeleton": skeleton,
                "rotations": rotations,
                "root": root,
                "global_rotations": each(quaternion, [turned for turned, _ in posed], 2),
                "positions": [positions for _, positions in posed],
            }
        )
    return {
        "about": "Forward kinematics. `root` is the world position of the joint `pelvis`; joints above it "
        "stay at rest unless their rotations move them. `rotations` of a skeleton are rest rotations "
        "relative to the parent.",
        "cases": cases,
    }


def character(random, kind: str) -> tuple[Skeleton, dict[str, str]]:
    """A target with bones in random axes and the map to it.

    "T-pose": SMPL's own proportions. "A-pose": larger, arms down, with a ground root, an in-between bone
    in the spine and no joint for Spine2 and the toes.
    """
    source = SMPL22
    names, parents = list(source["names"]), list(source["parents"])
    positions = np.array(source["positions"])
    bones = {name: f"b_{name}" for name in names}
    pelvis, sole = 0, source["sole"]
    if kind == "A-pose":
        positions = np.add(positions, [0, 1.161, 0]) * [1.1, 1.2, 1.1]
        for side, lower in (("L", -0.7), ("R", 0.7)):
            chain = [names.index(f"{side}_{part}") for part in ("Shoulder", "Elbow", "Wrist")]
            down = turn([0, 0.1, 1], lower)
            positions[chain[1:]] = positions[chain[0]] + (positions[chain[1:]] - positions[chain[0]]) @ down.T
        names, parents = ["ground", *names], [-1, *(p + 1 for p in parents)]
        positions = np.vstack([[0.0, 0.0, 0.0], positions])
        pelvis, sole = 1, 0.0
        for unmapped in ("Spine2", "L_Foot", "R_Foot"):
            del bones[unmapped]
    named = [bones.get(name, f"free_{name}") for name in names]
    skeleton = {"names": named, "parents": parents, "positions": positions, "pelvis": pelvis, "sole": sole}
    return skeleton | {"rotations": random_rotations(random, len(names))}, bones


def calibrated(source: Skeleton, target: Skeleton, bones: dict[str, str]) -> dict[str, np.ndarray]:
    """C for each joint of the arms, from the shoulder outwards."""
    out = {}
    where = {n: np.array(p, float) for n, p in zip(source["names"], source["positions"], strict=True)}
    there = {n: np.array(p, float) for n, p in zip(target["names"], target["positions"], strict=True)}
    for side in "LR":
        upper, lower, hand = (f"{side}_{part}" for part in ("Shoulder", "Elbow", "Wrist"))
        if upper not in bones:
            continue
        first = arc(there[bones[lower]] - there[bones[upper]], where[lower] - where[upper])
        forearm = first @ (there[bones[hand]] - there[bones[lower]])
        second = arc(forearm, where[hand] - where[lower]) @ first
        out |= {upper: first, lower: second, hand: second}
    return out


def retargeted(source: Skeleton, target: Skeleton, bones: dict[str, str], rotations, match_limbs: bool):
    """One frame on the target, parent-relative: L' = inverse(G'_parent) G', G' = G inverse(S) C T."""
    turned, source_rest, target_rest = globals_of(source, rotations), rest(source), rest(target)
    calibration = calibrated(source, target, bones) if match_limbs else {}
    driver = {bone: joint for joint, bone in bones.items()}
    out, local = [], []
    for b, (bone, parent) in enumerate(zip(target["names"], target["parents"], strict=True)):
        above = np.eye(3) if parent < 0 else out[parent]
        at_rest = target_rest[b] if parent < 0 else target_rest[parent].T @ target_rest[b]
        if bone in driver:
            j = source["names"].index(driver[bone])
            delta = turned[j] @ source_rest[j].T
            out.append(delta @ calibration.get(driver[bone], np.eye(3)) @ target_rest[b])
        else:
            out.append(above @ at_rest)
        local.append(quaternion(above.T @ out[b]))
    return local


def retarget_case(
    name, source, target, bones, rotations, root, match_limbs=True, scale_travel=True
) -> dict[str, Any]:
    pelvis = target["names"].index(bones["Pelvis"])
    scale = (target["positions"][pelvis][1] - target["sole"]) / (source["positions"][0][1] - source["sole"])
    return {
        "name": name,
        "source": source,
        "target": target | {"pelvis": pelvis},
        "bones": bones,
        "match_limbs": match_limbs,
        "scale_travel": scale_travel,
        "rotations": rotations,
        "root": root,
        "target_rotations": [retargeted(source, target, bones, frame, match_limbs) for frame in rotations],
        "target_root": np.array(root) * ([scale] * 3 if scale_travel else [1, scale, 1]),
    }


def worked_example() -> dict[str, Any]:
    """A left arm whose bones point along their own +Y and rest 45 degrees down: it shall point forward,
    forearm up."""
    names = ["Pelvis", "L_Collar", "L_Shoulder", "L_Elbow", "L_Wrist"]
    parents = [-1, 0, 1, 2, 3]
    source_at = [[0, 0.9, 0], [0.05, 1.4, 0], [0.15, 1.4, 0], [0.45, 1.4, 0], [0.7, 1.4, 0]]
    down = np.array([1, -1, 0]) / np.sqrt(2)
    shoulder = np.array([0.15, 1.45, 0])
    target_at = [[0, 0.97, 0], [0.05, 1.45, 0], shoulder, shoulder + 0.3 * down, shoulder + 0.55 * down]
    source = {"names": names, "parents": parents, "positions": source_at, "pelvis": 0, "sole": 0.0}
    quarter, eighth = np.sqrt(0.5), np.pi / 8
    target = {
        "names": ["pelvis", "clavicle_l", "upperarm_l", "lowerarm_l", "hand_l"],
        "parents": parents,
        "positions": target_at,
        "rotations": [
            [0, 0, 0, 1],
            [0, 0, -quarter, quarter],
            [0, 0, -np.sin(eighth), np.cos(eighth)],
            [0, 0, 0, 1],
            [0, 0, 0, 1],
        ],
        "pelvis": 0,
        "sole": 0.0,
    }
    rest_pose = [0, 0, 0, 1]
    rotations = [rest_pose, rest_pose, [0, -quarter, 0, quarter], [0, 0, quarter, quarter], rest_pose]
    bones = dict(zip(names, target["names"], strict=True))
    case = retarget_case("worked example", source, target, bones, [rotations], [[1.2, 0.9, 3.0]])
    upper, lower = case["target_rotations"][0][2:4]
    assert np.allclose(upper, [quarter, 0, 0, quarter])
    assert np.allclose(lower, [0, 0, quarter, quarter])
    return case


def retargets(random) -> dict[str, Any]:
    cases = [worked_example()]
    for name, kind, options in (
        ("same proportions, other axes", "T-pose", {}),
        ("larger, A-pose, bones missing and added", "A-pose", {}),
        ("arms and travel as they are", "A-pose", {"match_limbs": False, "scale_travel": False}),
    ):
        target, bones = character(random, kind)
        rotations, root = random_rotations(random, 2, 22), random.uniform(-2, 2, (2, 3)).round(3)
        cases.append(retarget_case(name, SMPL22, target, bones, rotations, root, **options))
    return {
        "about": "Clips of `source` on `target`. `sole` is the floor's height in rest pose: it enters the "
        "scale of the root. Bones of the target that `bones` doesn't name keep their rest rotation.",
        "cases": cases,
    }


FILES = {
    "conversions.json": conversions,
    "quaternions.json": quaternions,
    "rot6d.json": six_numbers,
    "packing.json": packing,
    "kinematics.json": kinematics,
    "retarget.json": retargets,
}


def build() -> dict[str, dict[str, Any]]:
    """File name -> content, as plain lists and numbers."""
    return {name: plain(make(np.random.RandomState(seed))) for seed, (name, make) in enumerate(FILES.items())}


def plain(value: Any) -> Any:
    """Arrays become lists; nothing is rounded, but -0.0 becomes 0.0."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    return (
        value + 0.0 if isinstance(value, float) else value.item() if isinstance(value, np.generic) else value
    )


def main() -> None:
    for name, content in build().items():
        lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in content.items())
        (FOLDER / name).write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
