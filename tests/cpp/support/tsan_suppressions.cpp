// What ThreadSanitizer is told to overlook: the inside of moodycamel's queue, which orders the
// reuse of its slots by atomic fences that the sanitizer cannot follow. Nothing of ours is here.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:moodycamel::\n"; }
#endif
#endif
