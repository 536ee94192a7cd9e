// Events that wait to be fetched: one thread puts them in, another takes them out. Bounded by nature, however
// slowly they are fetched: chunks and progress of one clip merge, and what comes any number of times is
// counted.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

#include "events.hpp"

namespace pw {

class Mailbox {
  public:
    void put(Delivery delivery);
    // The next event; waits for it so long (0: not at all). False: none came.
    bool take(Delivery& out, double seconds);

  private:
    bool merge(const Delivery& delivery);

    std::mutex mutex_;
    std::condition_variable came_;
    std::deque<Delivery> waiting_;
    size_t notices_ = 0;
};

}  // namespace pw
