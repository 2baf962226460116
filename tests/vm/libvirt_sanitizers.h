// For test programs that open libvirt connections, in one file of each. libvirt and glib are not compiled for the
// thread sanitizer, which therefore does not see their locks and reports races inside them.
#pragma once

#if defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_suppressions();   // NOLINT: the sanitizer's name
extern "C" const char* __tsan_default_suppressions() {  // NOLINT: the sanitizer's name
  return "race:libvirt.so\nrace:libglib-2.0.so\nmutex:libvirt.so\ndeadlock:libvirt.so\n";
}
#endif
