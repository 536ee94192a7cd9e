// Made by viewer/make_messages.py from the .proto files. Don't edit.

/** Field number -> name, kind, and whether it repeats ("*"), may be absent ("?") or is there always (""). */
export type Schema = Readonly<Record<number, readonly [name: string, kind: string, how: "" | "?" | "*"]>>;

export const SCHEMAS = {
  GenerateRequest: { 1: ["prompt", "string", ""], 2: ["model", "string", ""], 3: ["frames", "uint32", "?"], 4: ["seconds", "double", "?"], 5: ["seeds", "uint64", "*"], 6: ["sampling", "Sampling", "?"], 7: ["packing", "int32", ""], 8: ["pace", "Pace", "?"], 9: ["chunk_frames", "uint32", ""], 10: ["target", "TargetSkeleton", "?"], 11: ["priority", "int32", ""], 12: ["request_id", "string", ""], 13: ["post", "Post", "?"], 14: ["progress", "bool", ""], 15: ["special_game", "bool", ""], 16: ["verbatim", "bool", ""] },
  Sampling: { 1: ["preset", "string", ""], 2: ["steps", "uint32", "?"], 3: ["guidance", "float", "?"], 4: ["solver", "string", ""] },
  Pace: { 1: ["rate", "double", ""], 2: ["ahead_seconds", "double", ""] },
  Post: { 1: ["ground", "bool", "?"], 2: ["smooth", "bool", "?"] },
  Vector3: { 1: ["x", "float", ""], 2: ["y", "float", ""], 3: ["z", "float", ""] },
  Quaternion: { 1: ["x", "float", ""], 2: ["y", "float", ""], 3: ["z", "float", ""], 4: ["w", "float", ""] },
  Joint: { 1: ["name", "string", ""], 2: ["parent", "int32", ""], 3: ["position", "Vector3", "?"], 4: ["rotation", "Quaternion", "?"] },
  TargetSkeletonBonesEntry: { 1: ["key", "string", ""], 2: ["value", "string", ""] },
  TargetSkeleton: { 1: ["joints", "Joint", "*"], 2: ["bones", "TargetSkeletonBonesEntry", "*"], 3: ["match_limbs", "bool", "?"], 4: ["scale_travel", "bool", "?"], 5: ["sole", "float", ""] },
  GenerateResponse: { 1: ["header", "Header", "?"], 2: ["clip_start", "ClipStart", "?"], 3: ["chunk", "Chunk", "?"], 4: ["clip_end", "ClipEnd", "?"], 5: ["progress", "Progress", "?"], 6: ["notice", "Notice", "?"], 7: ["status", "Status", "?"] },
  Header: { 1: ["stream_id", "string", ""], 2: ["model", "string", ""], 3: ["joints", "Joint", "*"], 4: ["root_joint", "uint32", ""], 5: ["fps", "double", ""], 6: ["packing", "int32", ""], 7: ["frame_bytes", "uint32", ""], 8: ["convention", "string", ""], 9: ["contact_names", "string", "*"], 10: ["clips", "uint32", ""], 11: ["licence_notice", "string", ""], 12: ["familiarity", "float", "?"], 13: ["nearest_prompt", "string", ""], 14: ["notices", "Notice", "*"], 15: ["sole", "float", ""] },
  ClipStart: { 1: ["clip", "uint32", ""], 2: ["seed", "uint64", ""], 3: ["frames", "uint32", ""] },
  Chunk: { 1: ["clip", "uint32", ""], 2: ["first_frame", "uint32", ""], 3: ["frames", "uint32", ""], 4: ["time", "double", ""], 5: ["data", "bytes", ""] },
  ClipEnd: { 1: ["clip", "uint32", ""], 2: ["frames", "uint32", ""], 3: ["timings", "StageTiming", "*"] },
  Progress: { 1: ["clip", "uint32", ""], 2: ["step", "uint32", ""], 3: ["steps", "uint32", ""] },
  Notice: { 1: ["code", "string", ""], 2: ["message", "string", ""] },
  StageTiming: { 1: ["stage", "string", ""], 2: ["nanoseconds", "uint64", ""] },
  Status: { 1: ["code", "uint32", ""], 2: ["message", "string", ""], 3: ["timings", "StageTiming", "*"], 4: ["retry_after_seconds", "double", "?"] },
  LiveRequest: { 1: ["id", "uint64", ""], 2: ["open", "LiveOpen", "?"], 3: ["resume", "LiveResume", "?"], 4: ["prompt", "LivePrompt", "?"], 5: ["stop", "LiveStop", "?"], 6: ["target", "LiveTarget", "?"], 7: ["pace", "LivePace", "?"], 8: ["clear", "LiveClear", "?"], 9: ["playhead", "LivePlayhead", "?"], 10: ["close", "LiveClose", "?"] },
  LiveOpen: { 1: ["prompt", "string", ""], 2: ["model", "string", ""], 3: ["seed", "uint64", "?"], 4: ["sampling", "Sampling", "?"], 5: ["packing", "int32", ""], 6: ["target", "TargetSkeleton", "?"], 7: ["priority", "int32", ""], 8: ["chunk_frames", "uint32", ""], 9: ["ahead_seconds", "double", ""], 10: ["request_id", "string", ""], 11: ["position", "Vector3", "?"], 12: ["heading", "float", ""], 13: ["special_game", "bool", ""] },
  LiveResume: { 1: ["session_id", "string", ""], 2: ["secret", "string", ""], 3: ["next_frame", "uint32", ""] },
  LivePrompt: { 1: ["prompt", "string", ""], 2: ["seed", "uint64", "?"], 3: ["queued", "bool", ""] },
  LiveStop: {},
  LiveTarget: { 1: ["position", "Vector3", "?"], 2: ["heading", "float", "?"] },
  LivePace: { 1: ["rate", "double", ""] },
  LiveClear: {},
  LivePlayhead: { 1: ["frame", "uint32", ""] },
  LiveClose: {},
  LiveResponse: { 1: ["header", "Header", "?"], 2: ["started", "LiveStarted", "?"], 3: ["chunk", "Chunk", "?"], 4: ["segment", "LiveSegment", "?"], 5: ["answer", "LiveAnswer", "?"], 6: ["notice", "Notice", "?"], 7: ["status", "Status", "?"] },
  LiveStarted: { 1: ["session_id", "string", ""], 2: ["secret", "string", ""], 3: ["first_frame", "uint32", ""], 4: ["resume_seconds", "double", ""], 5: ["idle_seconds", "double", ""], 6: ["ahead_seconds", "double", ""], 7: ["resumed", "bool", ""], 8: ["answers", "LiveAnswer", "*"] },
  LiveSegment: { 1: ["first_frame", "uint32", ""], 2: ["prompt", "string", ""], 3: ["seed", "uint64", ""], 4: ["command", "uint64", ""] },
  LiveAnswer: { 1: ["id", "uint64", ""], 2: ["code", "uint32", ""], 3: ["message", "string", ""] },
  WarmRequest: { 1: ["models", "string", "*"], 2: ["prompts", "string", "*"] },
  WarmResponse: { 1: ["models", "Model", "*"], 2: ["encoded", "uint32", ""] },
  ListModelsRequest: {},
  ListModelsResponse: { 1: ["models", "Model", "*"], 2: ["server_version", "string", ""] },
  Model: { 1: ["name", "string", ""], 2: ["family", "string", ""], 3: ["description", "string", ""], 4: ["joints", "Joint", "*"], 5: ["root_joint", "uint32", ""], 6: ["fps", "double", ""], 7: ["limits", "Limits", "?"], 8: ["presets", "Preset", "*"], 9: ["licence", "Licence", "?"], 10: ["providers", "string", "*"], 11: ["loaded", "bool", ""], 12: ["solvers", "string", "*"], 13: ["sole", "float", ""], 14: ["degraded", "bool", ""] },
  Limits: { 1: ["min_frames", "uint32", ""], 2: ["max_frames", "uint32", ""], 3: ["max_steps", "uint32", ""], 4: ["max_prompt", "uint32", ""], 5: ["max_seeds", "uint32", ""], 6: ["fixed_guidance", "float", "?"] },
  Preset: { 1: ["name", "string", ""], 2: ["steps", "uint32", ""], 3: ["is_default", "bool", ""] },
  Licence: { 1: ["identifier", "string", ""], 2: ["notice", "string", ""], 3: ["territory", "string", ""], 4: ["restricts_outputs", "bool", ""] },
  PageRequest: { 1: ["call", "uint32", ""], 2: ["hello", "Hello", "?"], 3: ["generate", "GenerateRequest", "?"], 4: ["warm", "WarmRequest", "?"], 5: ["list_models", "ListModelsRequest", "?"], 6: ["cancel", "Cancel", "?"], 7: ["save", "SaveRequest", "?"], 8: ["body", "BodyRequest", "?"], 9: ["bones", "BonesRequest", "?"], 10: ["show", "ShowRequest", "?"], 11: ["live", "LiveRequest", "?"] },
  PageResponse: { 1: ["call", "uint32", ""], 2: ["welcome", "Welcome", "?"], 3: ["generate", "GenerateResponse", "?"], 4: ["warm", "WarmResponse", "?"], 5: ["list_models", "ListModelsResponse", "?"], 6: ["file", "File", "?"], 7: ["body", "Body", "?"], 8: ["bones", "Bones", "?"], 9: ["live", "LiveResponse", "?"], 15: ["end", "End", "?"] },
  Hello: { 1: ["token", "string", ""] },
  Welcome: { 1: ["server_version", "string", ""], 2: ["generates", "bool", ""], 3: ["exhibits", "string", "*"], 4: ["formats", "FileFormat", "*"], 5: ["max_message_bytes", "uint64", ""] },
  FileFormat: { 1: ["suffix", "string", ""], 2: ["description", "string", ""] },
  Cancel: {},
  SaveRequest: { 1: ["events", "GenerateResponse", "*"], 2: ["suffix", "string", ""], 3: ["prompt", "string", ""] },
  File: { 1: ["name", "string", ""], 2: ["data", "bytes", ""] },
  BodyRequest: { 1: ["joints", "Joint", "*"], 2: ["root_joint", "uint32", ""], 3: ["sole", "float", ""] },
  Body: { 1: ["positions", "bytes", ""], 2: ["normals", "bytes", ""], 3: ["triangles", "bytes", ""], 4: ["joints", "bytes", ""], 5: ["weights", "bytes", ""] },
  BonesRequest: { 1: ["names", "string", "*"] },
  BonesBonesEntry: { 1: ["key", "string", ""], 2: ["value", "string", ""] },
  Bones: { 1: ["rig", "string", ""], 2: ["bones", "BonesBonesEntry", "*"], 3: ["unmapped", "string", "*"] },
  ShowRequest: { 1: ["index", "uint32", ""] },
  End: { 1: ["code", "uint32", ""], 2: ["message", "string", ""], 3: ["refusals", "Refusal", "*"], 4: ["retry_after_seconds", "double", "?"] },
  Refusal: { 1: ["field", "string", ""], 2: ["message", "string", ""] },
} as const satisfies Record<string, Schema>;

export interface Messages {
  GenerateRequest: GenerateRequest;
  Sampling: Sampling;
  Pace: Pace;
  Post: Post;
  Vector3: Vector3;
  Quaternion: Quaternion;
  Joint: Joint;
  TargetSkeletonBonesEntry: TargetSkeletonBonesEntry;
  TargetSkeleton: TargetSkeleton;
  GenerateResponse: GenerateResponse;
  Header: Header;
  ClipStart: ClipStart;
  Chunk: Chunk;
  ClipEnd: ClipEnd;
  Progress: Progress;
  Notice: Notice;
  StageTiming: StageTiming;
  Status: Status;
  LiveRequest: LiveRequest;
  LiveOpen: LiveOpen;
  LiveResume: LiveResume;
  LivePrompt: LivePrompt;
  LiveStop: LiveStop;
  LiveTarget: LiveTarget;
  LivePace: LivePace;
  LiveClear: LiveClear;
  LivePlayhead: LivePlayhead;
  LiveClose: LiveClose;
  LiveResponse: LiveResponse;
  LiveStarted: LiveStarted;
  LiveSegment: LiveSegment;
  LiveAnswer: LiveAnswer;
  WarmRequest: WarmRequest;
  WarmResponse: WarmResponse;
  ListModelsRequest: ListModelsRequest;
  ListModelsResponse: ListModelsResponse;
  Model: Model;
  Limits: Limits;
  Preset: Preset;
  Licence: Licence;
  PageRequest: PageRequest;
  PageResponse: PageResponse;
  Hello: Hello;
  Welcome: Welcome;
  FileFormat: FileFormat;
  Cancel: Cancel;
  SaveRequest: SaveRequest;
  File: File;
  BodyRequest: BodyRequest;
  Body: Body;
  BonesRequest: BonesRequest;
  BonesBonesEntry: BonesBonesEntry;
  Bones: Bones;
  ShowRequest: ShowRequest;
  End: End;
  Refusal: Refusal;
}

export interface GenerateRequest {
  prompt: string;
  model: string;
  frames?: number;
  seconds?: number;
  seeds: bigint[];
  sampling?: Sampling;
  packing: number;
  pace?: Pace;
  chunk_frames: number;
  target?: TargetSkeleton;
  priority: number;
  request_id: string;
  post?: Post;
  progress: boolean;
  special_game: boolean;
  verbatim: boolean;
}

export interface Sampling {
  preset: string;
  steps?: number;
  guidance?: number;
  solver: string;
}

export interface Pace {
  rate: number;
  ahead_seconds: number;
}

export interface Post {
  ground?: boolean;
  smooth?: boolean;
}

export interface Vector3 {
  x: number;
  y: number;
  z: number;
}

export interface Quaternion {
  x: number;
  y: number;
  z: number;
  w: number;
}

export interface Joint {
  name: string;
  parent: number;
  position?: Vector3;
  rotation?: Quaternion;
}

export interface TargetSkeletonBonesEntry {
  key: string;
  value: string;
}

export interface TargetSkeleton {
  joints: Joint[];
  bones: TargetSkeletonBonesEntry[];
  match_limbs?: boolean;
  scale_travel?: boolean;
  sole: number;
}

export interface GenerateResponse {
  header?: Header;
  clip_start?: ClipStart;
  chunk?: Chunk;
  clip_end?: ClipEnd;
  progress?: Progress;
  notice?: Notice;
  status?: Status;
}

export interface Header {
  stream_id: string;
  model: string;
  joints: Joint[];
  root_joint: number;
  fps: number;
  packing: number;
  frame_bytes: number;
  convention: string;
  contact_names: string[];
  clips: number;
  licence_notice: string;
  familiarity?: number;
  nearest_prompt: string;
  notices: Notice[];
  sole: number;
}

export interface ClipStart {
  clip: number;
  seed: bigint;
  frames: number;
}

export interface Chunk {
  clip: number;
  first_frame: number;
  frames: number;
  time: number;
  data: Uint8Array;
}

export interface ClipEnd {
  clip: number;
  frames: number;
  timings: StageTiming[];
}

export interface Progress {
  clip: number;
  step: number;
  steps: number;
}

export interface Notice {
  code: string;
  message: string;
}

export interface StageTiming {
  stage: string;
  nanoseconds: bigint;
}

export interface Status {
  code: number;
  message: string;
  timings: StageTiming[];
  retry_after_seconds?: number;
}

export interface LiveRequest {
  id: bigint;
  open?: LiveOpen;
  resume?: LiveResume;
  prompt?: LivePrompt;
  stop?: LiveStop;
  target?: LiveTarget;
  pace?: LivePace;
  clear?: LiveClear;
  playhead?: LivePlayhead;
  close?: LiveClose;
}

export interface LiveOpen {
  prompt: string;
  model: string;
  seed?: bigint;
  sampling?: Sampling;
  packing: number;
  target?: TargetSkeleton;
  priority: number;
  chunk_frames: number;
  ahead_seconds: number;
  request_id: string;
  position?: Vector3;
  heading: number;
  special_game: boolean;
}

export interface LiveResume {
  session_id: string;
  secret: string;
  next_frame: number;
}

export interface LivePrompt {
  prompt: string;
  seed?: bigint;
  queued: boolean;
}

export type LiveStop = object;

export interface LiveTarget {
  position?: Vector3;
  heading?: number;
}

export interface LivePace {
  rate: number;
}

export type LiveClear = object;

export interface LivePlayhead {
  frame: number;
}

export type LiveClose = object;

export interface LiveResponse {
  header?: Header;
  started?: LiveStarted;
  chunk?: Chunk;
  segment?: LiveSegment;
  answer?: LiveAnswer;
  notice?: Notice;
  status?: Status;
}

export interface LiveStarted {
  session_id: string;
  secret: string;
  first_frame: number;
  resume_seconds: number;
  idle_seconds: number;
  ahead_seconds: number;
  resumed: boolean;
  answers: LiveAnswer[];
}

export interface LiveSegment {
  first_frame: number;
  prompt: string;
  seed: bigint;
  command: bigint;
}

export interface LiveAnswer {
  id: bigint;
  code: number;
  message: string;
}

export interface WarmRequest {
  models: string[];
  prompts: string[];
}

export interface WarmResponse {
  models: Model[];
  encoded: number;
}

export type ListModelsRequest = object;

export interface ListModelsResponse {
  models: Model[];
  server_version: string;
}

export interface Model {
  name: string;
  family: string;
  description: string;
  joints: Joint[];
  root_joint: number;
  fps: number;
  limits?: Limits;
  presets: Preset[];
  licence?: Licence;
  providers: string[];
  loaded: boolean;
  solvers: string[];
  sole: number;
  degraded: boolean;
}

export interface Limits {
  min_frames: number;
  max_frames: number;
  max_steps: number;
  max_prompt: number;
  max_seeds: number;
  fixed_guidance?: number;
}

export interface Preset {
  name: string;
  steps: number;
  is_default: boolean;
}

export interface Licence {
  identifier: string;
  notice: string;
  territory: string;
  restricts_outputs: boolean;
}

export interface PageRequest {
  call: number;
  hello?: Hello;
  generate?: GenerateRequest;
  warm?: WarmRequest;
  list_models?: ListModelsRequest;
  cancel?: Cancel;
  save?: SaveRequest;
  body?: BodyRequest;
  bones?: BonesRequest;
  show?: ShowRequest;
  live?: LiveRequest;
}

export interface PageResponse {
  call: number;
  welcome?: Welcome;
  generate?: GenerateResponse;
  warm?: WarmResponse;
  list_models?: ListModelsResponse;
  file?: File;
  body?: Body;
  bones?: Bones;
  live?: LiveResponse;
  end?: End;
}

export interface Hello {
  token: string;
}

export interface Welcome {
  server_version: string;
  generates: boolean;
  exhibits: string[];
  formats: FileFormat[];
  max_message_bytes: bigint;
}

export interface FileFormat {
  suffix: string;
  description: string;
}

export type Cancel = object;

export interface SaveRequest {
  events: GenerateResponse[];
  suffix: string;
  prompt: string;
}

export interface File {
  name: string;
  data: Uint8Array;
}

export interface BodyRequest {
  joints: Joint[];
  root_joint: number;
  sole: number;
}

export interface Body {
  positions: Uint8Array;
  normals: Uint8Array;
  triangles: Uint8Array;
  joints: Uint8Array;
  weights: Uint8Array;
}

export interface BonesRequest {
  names: string[];
}

export interface BonesBonesEntry {
  key: string;
  value: string;
}

export interface Bones {
  rig: string;
  bones: BonesBonesEntry[];
  unmapped: string[];
}

export interface ShowRequest {
  index: number;
}

export interface End {
  code: number;
  message: string;
  refusals: Refusal[];
  retry_after_seconds?: number;
}

export interface Refusal {
  field: string;
  message: string;
}
