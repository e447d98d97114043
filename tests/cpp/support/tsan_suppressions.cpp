// What ThreadSanitizer is told to overlook: the inside of moodycamel's queue, which orders the
// reuse of its slots by atomic fences that the sanitizer cannot follow. Overlooked are reports
// whose own frame is the queue's (race_top), and those below its putting and taking of one element,
// where nothing runs but the element's moves; not those of callers.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race_top:moodycamel::\n"
         "race:ImplicitProducer::enqueue\n"
         "race:ImplicitProducer::dequeue\n"
         "race:ExplicitProducer::enqueue\n"
         "race:ExplicitProducer::dequeue\n";
}
#endif
#endif
