// SPDX-License-Identifier: Apache-2.0
// The two halves of a recorder: what producers do, and the thread that takes records out of the queue and writes them.
#include "sinew/record/recorder.hpp"

#include <pthread.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

#include "frame_pool.hpp"
#include "queued_record.hpp"
#include "record_queue.hpp"
#include "sinew/core/clock.hpp"

namespace sinew {
namespace {

using detail::ByteCount;
using detail::ByteCursor;
using detail::ByteSink;
using detail::put_doubles;
using detail::put_number;
using detail::put_text;
using detail::QueuedKind;

constexpr std::size_t kMaxCameras = 64;
/// How long the thread sleeps when the queue is empty. Producers do not wake it: that would be a system call.
constexpr auto kNap = std::chrono::milliseconds(5);

enum class Reason : std::uint8_t {
  none,
  queue_full,
  no_frame,
  record_too_large,
  frames_too_large,
  frames_not_waited_for,
  negative_time,
  closed,
  cameras
};

std::string_view text_of(Reason reason) noexcept {
  switch (reason) {
    case Reason::none: return "";
    case Reason::queue_full: return "the queue is full: the disk does not keep up";
    case Reason::no_frame: return "no memory for frames is left: the disk does not keep up";
    case Reason::record_too_large: return "the record is larger than the queue: raise queue_bytes";
    case Reason::frames_too_large: return "the record's frames are larger than the memory for frames: raise frame_bytes";
    case Reason::frames_not_waited_for: return "no memory is left for frames of more than a quarter of frame_bytes: raise it";
    case Reason::negative_time: return "the time is negative";
    case Reason::closed: return "the recording is closed";
    case Reason::cameras: return "more cameras than a record may have";
  }
  return "";
}

}  // namespace

struct Recorder::State {
  State(const std::filesystem::path& path, const PolicyCard* card, const RecorderOptions& options)
      : writer(path, card, options.file),
        queue(options.queue_bytes, options.queue_records),
        pool(options.frame_bytes),
        frame_bytes(options.frame_bytes),
        wait_for_room(options.wait_for_room) {}

  // Producers, any thread.
  template <class Put>
  std::uint64_t enqueue(QueuedKind kind, Time time, const Put& put) noexcept;
  std::uint64_t add(const Observation& observation, Observation* exchanged, std::span<const double> command,
                    const ActionChunk* chunk) noexcept;
  [[nodiscard]] bool take_frames(const Observation& observation, std::span<int> frames) noexcept;
  [[nodiscard]] Reason await_frames(const Observation& observed, std::span<int> places) noexcept;
  void fill_frame(int index, const CameraFrame& frame, CameraFrame* exchanged) noexcept;
  std::uint64_t refuse(Reason why) noexcept;

  // The thread that writes.
  void run() noexcept;
  void drain() noexcept;
  void write(std::span<const std::byte> record);
  void write_observation(Time time, ByteCursor& cursor);
  void promise() noexcept;
  void tell() noexcept;

  bool ask(bool& request) {
    std::unique_lock lock(mutex);
    if (!thread.joinable()) return false;
    request = true;
    changed.notify_all();
    changed.wait(lock, [&] { return !request; });
    return answer;
  }

  RecordWriter writer;  // of the thread that writes
  detail::RecordQueue queue;
  detail::FramePool pool;
  const std::size_t frame_bytes;
  const bool wait_for_room;

  std::atomic<std::uint64_t> refused{0};  // by producers
  std::atomic<Reason> reason{Reason::none};
  std::atomic<bool> closed{false};
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<std::uint64_t> durable{0};
  std::atomic<std::uint64_t> lost{0};  // by the file

  // Of the thread that writes; they keep their memory.
  std::uint64_t refused_told = 0;
  Observation observation;
  std::vector<int> frames;
  std::vector<double> numbers;
  std::vector<double> more_numbers;
  ActionChunk chunk;

  std::mutex mutex;  // of what follows; no producer takes it
  std::condition_variable changed;
  bool flush_asked = false;
  bool close_asked = false;
  bool answer = false;
  std::string error;
  std::uint64_t refused_in_error = 0;  // refusals that `error` knows of
  std::thread thread;
};

std::uint64_t Recorder::State::refuse(Reason why) noexcept {
  reason.store(why, std::memory_order_relaxed);
  refused.fetch_add(1, std::memory_order_release);
  return 0;
}

template <class Put>
std::uint64_t Recorder::State::enqueue(QueuedKind kind, Time time, const Put& put) noexcept {
  if (closed.load(std::memory_order_acquire)) return refuse(Reason::closed);
  if (time < Time::zero()) return refuse(Reason::negative_time);
  ByteCount count;
  put_number(count, kind);
  put_number(count, time);
  put(count);
  if (count.size() > queue.capacity()) return refuse(Reason::record_too_large);
  auto claim = queue.claim(count.size());
  while (!claim && wait_for_room) {
    std::this_thread::sleep_for(kNap / 10);
    claim = queue.claim(count.size());
  }
  if (!claim) return refuse(Reason::queue_full);
  ByteSink sink(claim.bytes);
  put_number(sink, kind);
  put_number(sink, time);
  put(sink);
  queue.commit(claim);
  return claim.number;
}

bool Recorder::State::take_frames(const Observation& observed, std::span<int> places) noexcept {
  for (std::size_t i = 0; i < observed.cameras.size(); ++i) {
    const CameraFrame& frame = observed.cameras[i];
    const bool jpeg = !frame.jpeg.empty();
    places[i] = -1;
    if (!jpeg && frame.image.empty()) continue;
    places[i] = pool.take(jpeg ? frame.jpeg.size() : frame.image.pixels().size(), jpeg);
    if (places[i] >= 0) continue;
    while (i-- > 0)
      if (places[i] >= 0) pool.give_back(places[i]);
    return false;
  }
  return true;
}

/// Takes memory for all frames, waiting for it where that is wanted and will end: JPEGs take twice their size, and the pool keeps what it
/// has for frames of other sizes.
Reason Recorder::State::await_frames(const Observation& observed, std::span<int> places) noexcept {
  std::size_t needed = 0;
  for (const auto& frame : observed.cameras) needed += frame.jpeg.empty() ? frame.image.pixels().size() : 2 * frame.jpeg.size();
  if (needed > frame_bytes) return Reason::frames_too_large;
  while (!take_frames(observed, places)) {
    if (!wait_for_room) return Reason::no_frame;
    if (2 * needed > frame_bytes / 2) return Reason::frames_not_waited_for;
    std::this_thread::sleep_for(kNap / 10);
  }
  return Reason::none;
}

/// The frame's JPEG, or else its pixels, into the pool's; nothing allocates, `take` made room.
void Recorder::State::fill_frame(int index, const CameraFrame& frame, CameraFrame* exchanged) noexcept {
  CameraFrame& lent = pool[index];
  if (!frame.jpeg.empty()) {
    if (exchanged == nullptr) {
      lent.jpeg.assign(frame.jpeg.begin(), frame.jpeg.end());
    } else {
      const std::size_t size = frame.jpeg.size();
      lent.jpeg.resize(size);
      std::swap(lent.jpeg, exchanged->jpeg);
      pool.set_room(index, lent.jpeg.capacity(), true);
    }
    return;
  }
  lent.jpeg.clear();
  const Image& image = frame.image;
  if (exchanged == nullptr) {
    lent.image.assign(image.view());
  } else {
    lent.image.resize(image.height(), image.width(), image.channels());
    std::swap(lent.image, exchanged->image);
    pool.set_room(index, lent.image.pixels().size(), false);
  }
}

std::uint64_t Recorder::State::add(const Observation& observed, Observation* exchanged, std::span<const double> command,
                                   const ActionChunk* decided) noexcept {
  std::array<int, kMaxCameras> places;
  if (observed.cameras.size() > kMaxCameras) return refuse(Reason::cameras);
  if (closed.load(std::memory_order_acquire)) return refuse(Reason::closed);
  if (observed.time < Time::zero()) return refuse(Reason::negative_time);
  const std::span<int> used = std::span(places).first(observed.cameras.size());
  if (const Reason why = await_frames(observed, used); why != Reason::none) return refuse(why);
  const std::uint64_t number = enqueue(QueuedKind::observation, observed.time, [&]<class Sink>(Sink& sink) {
    put_observation(sink, observed, used);
    put_doubles(sink, command);
    put_number(sink, decided != nullptr);
    if (decided != nullptr) put_chunk(sink, *decided);
    if constexpr (std::is_same_v<Sink, ByteSink>)  // there is room: nothing refuses it any more
      for (std::size_t i = 0; i < used.size(); ++i)
        if (used[i] >= 0) fill_frame(used[i], observed.cameras[i], exchanged == nullptr ? nullptr : &exchanged->cameras[i]);
  });
  if (number == 0)
    for (const int place : used)
      if (place >= 0) pool.give_back(place);
  return number;
}

void Recorder::State::run() noexcept {
  for (bool go_on = true; go_on;) {
    drain();
    writer.tend();
    tell();
    std::unique_lock lock(mutex);
    if (flush_asked || close_asked) {
      lock.unlock();
      drain();  // what was added before the question
      const bool closing = close_asked, good = closing ? writer.close() : writer.flush();
      tell();
      lock.lock();
      answer = good;
      flush_asked = false;
      close_asked = false;
      go_on = !closing;
      changed.notify_all();
      continue;
    }
    changed.wait_for(lock, kNap, [this] { return flush_asked || close_asked; });
  }
}

void Recorder::State::drain() noexcept {
  for (const std::uint64_t newest = queue.claimed();;) {
    if (const std::uint64_t now = refused.load(std::memory_order_acquire); now != refused_told) {
      writer.count_dropped(now - refused_told, text_of(reason.load(std::memory_order_relaxed)));
      refused_told = now;
    }
    const auto record = queue.front();
    if (record.empty()) {
      if (queue.taken() >= newest) return;
      std::this_thread::yield();  // a producer is about to commit
      continue;
    }
    try {
      write(record);
    } catch (const std::bad_alloc&) {
      writer.skip_record("out of memory");
    }
    queue.pop();
    promise();
  }
}

void Recorder::State::write(std::span<const std::byte> record) {
  ByteCursor cursor(record);
  const auto kind = cursor.number<QueuedKind>();
  const auto time = cursor.number<Time>();
  switch (kind) {
    case QueuedKind::observation: return write_observation(time, cursor);
    case QueuedKind::command: cursor.doubles(numbers); return void(writer.add_command(time, numbers));
    case QueuedKind::tick: {
      const auto dt = cursor.number<Time>();
      cursor.doubles(numbers);
      cursor.doubles(more_numbers);
      return void(writer.add_tick({.time = time, .dt = dt, .measured = numbers, .command = more_numbers}));
    }
    case QueuedKind::chunk: {
      const auto status = cursor.number<Status>();
      cursor.chunk(chunk);
      return void(writer.add_chunk(time, chunk, status));
    }
    case QueuedKind::event: {
      const auto what = cursor.text();
      return void(writer.add_event(time, what, cursor.text()));
    }
    case QueuedKind::motion: {
      const auto what = cursor.text(), event = cursor.text();
      const auto dt = cursor.number<Time>();
      cursor.doubles(numbers);
      return void(writer.add_motion({.time = time, .kind = what, .event = event, .dt = dt, .values = numbers}));
    }
  }
}

void Recorder::State::write_observation(Time time, ByteCursor& cursor) {
  struct Frames {  // lent ones go back whatever happens
    State& state;
    std::size_t borrowed = 0;
    ~Frames() {
      for (std::size_t i = 0; i < borrowed; ++i) exchange(i);
      for (const int place : state.frames)
        if (place >= 0) state.pool.give_back(place);
    }
    void exchange(std::size_t i) const noexcept {
      CameraFrame& frame = state.observation.cameras[i];
      if (state.frames[i] < 0) return;
      std::swap(frame.image, state.pool[state.frames[i]].image);
      std::swap(frame.jpeg, state.pool[state.frames[i]].jpeg);
    }
  };
  frames.clear();
  Frames lent{*this};
  cursor.observation(observation, frames);
  observation.time = time;
  for (; lent.borrowed < frames.size(); ++lent.borrowed) lent.exchange(lent.borrowed);
  cursor.doubles(numbers);
  const bool decided = cursor.number<bool>();
  if (decided) cursor.chunk(chunk);
  writer.add(observation, numbers, decided ? &chunk : nullptr);
}

/// Says how far the file is.
void Recorder::State::promise() noexcept {
  acknowledged.store(writer.acknowledged(), std::memory_order_release);
  durable.store(writer.durable(), std::memory_order_release);
}

/// The same, and what was lost.
void Recorder::State::tell() noexcept {
  promise();
  const std::uint64_t now = writer.dropped() - refused_told;
  const std::lock_guard lock(mutex);
  lost.store(now, std::memory_order_release);
  try {
    error.assign(writer.last_error());
    refused_in_error = refused_told;
  } catch (const std::bad_alloc&) {
    error.clear();
  }
}

Recorder::Recorder(const std::filesystem::path& path, const PolicyCard* card, const RecorderOptions& options)
    : state_(std::make_unique<State>(path, card, options)) {
  // Signals are the program's, not this thread's.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    state_->thread = std::thread([state = state_.get()] { state->run(); });
  } catch (...) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Recorder::~Recorder() { close(); }

std::uint64_t Recorder::add(const Observation& observation, std::span<const double> command, const ActionChunk* chunk) noexcept {
  return state_->add(observation, nullptr, command, chunk);
}

std::uint64_t Recorder::add(Observation&& observation, std::span<const double> command, const ActionChunk* chunk) noexcept {
  return state_->add(observation, &observation, command, chunk);
}

std::uint64_t Recorder::add_command(Time time, std::span<const double> command) noexcept {
  return state_->enqueue(QueuedKind::command, time, [&](auto& sink) { put_doubles(sink, command); });
}

std::uint64_t Recorder::add_tick(const TickNote& tick) noexcept {
  return state_->enqueue(QueuedKind::tick, tick.time, [&](auto& sink) {
    put_number(sink, tick.dt);
    put_doubles(sink, tick.measured);
    put_doubles(sink, tick.command);
  });
}

std::uint64_t Recorder::add_chunk(Time time, const ActionChunk& chunk, Status status) noexcept {
  return state_->enqueue(QueuedKind::chunk, time, [&](auto& sink) {
    put_number(sink, status);
    put_chunk(sink, chunk);
  });
}

std::uint64_t Recorder::add_event(Time time, std::string_view kind, std::string_view text) noexcept {
  return state_->enqueue(QueuedKind::event, time, [&](auto& sink) {
    put_text(sink, kind);
    put_text(sink, text);
  });
}

std::uint64_t Recorder::add_motion(const MotionNote& note) noexcept {
  return state_->enqueue(QueuedKind::motion, note.time, [&](auto& sink) {
    put_text(sink, note.kind);
    put_text(sink, note.event);
    put_number(sink, note.dt);
    put_doubles(sink, note.values);
  });
}

std::uint64_t Recorder::acknowledged() const noexcept { return state_->acknowledged.load(std::memory_order_acquire); }
std::uint64_t Recorder::durable() const noexcept { return state_->durable.load(std::memory_order_acquire); }
std::uint64_t Recorder::dropped() const noexcept {
  return state_->lost.load(std::memory_order_acquire) + state_->refused.load(std::memory_order_acquire);
}

std::string Recorder::last_error() const {
  const std::lock_guard lock(state_->mutex);
  if (state_->refused.load(std::memory_order_acquire) != state_->refused_in_error)
    return std::string(text_of(state_->reason.load(std::memory_order_relaxed)));
  return state_->error;
}

bool Recorder::flush() { return !state_->closed.load(std::memory_order_acquire) && state_->ask(state_->flush_asked); }

bool Recorder::close() {
  State& state = *state_;
  if (!state.closed.exchange(true, std::memory_order_acq_rel)) {
    (void)state.ask(state.close_asked);
    state.thread.join();
  }
  return state.writer.close() && dropped() == 0;
}

}  // namespace sinew
