# How msgq's own code is compiled: language, warnings, hardening, sanitizers, cache.
#
# Everything here hangs on one interface target, msgq_options; a target that does not link it is not ours.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug (checks stop the program) or Release" FORCE)
endif()

# ccache sees paths relative to the checkout, so a second checkout, or a second build folder beside the first, finds what
# the first one compiled. The sloppiness is what ccache asks for where headers are precompiled.
find_program(MSGQ_CCACHE ccache)
if(MSGQ_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros "${MSGQ_CCACHE}")
endif()

include(CheckPIESupported)
check_pie_supported(OUTPUT_VARIABLE MSGQ_PIE LANGUAGES CXX)

if(MSGQ_IPO)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

add_library(msgq_options INTERFACE)
target_compile_options(msgq_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlap in std::string's own operator+ (GCC bug 105651, mended in 13).
  target_compile_options(msgq_options INTERFACE -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # The annotations of base/mutex.h; only clang reads them.
  target_compile_options(msgq_options INTERFACE -Wthread-safety)
endif()

if(MSGQ_SANITIZE)
  target_compile_options(msgq_options INTERFACE
    "-fsanitize=${MSGQ_SANITIZE}" -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(msgq_options INTERFACE "-fsanitize=${MSGQ_SANITIZE}")
endif()

# msgq_precompile(TARGET HEADER...): reads the standard library's headers, and these, once for all files of a target,
# which is what takes a third of the time otherwise. For builds that are made to be tested: the one that is installed, and
# that clang-tidy reads, shows that every file includes what it uses. (Optimised, g++ 12 also warns of the headers then.)
option(MSGQ_PCH "Precompile the headers of the standard library" OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(pch_options -fpch-preprocess)  # ccache needs it
else()
  set(pch_options "SHELL:-Xclang -fno-pch-timestamp")
endif()
function(msgq_precompile target)
  if(MSGQ_PCH)
    target_compile_options(${target} PRIVATE ${pch_options})
    target_precompile_headers(${target} PRIVATE
      <algorithm> <array> <atomic> <chrono> <cstdint> <deque> <functional> <map> <memory> <mutex> <optional>
      <set> <span> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector> ${ARGN})
  endif()
endfunction()

set(release "$<CONFIG:Release,RelWithDebInfo>")
target_compile_options(msgq_options INTERFACE "$<${release}:-fstack-protector-strong>")
if(NOT MSGQ_SANITIZE)
  target_compile_options(msgq_options INTERFACE "$<${release}:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")
endif()
target_compile_definitions(msgq_options INTERFACE "$<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS;MSGQ_ASSERTS>")
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  target_link_options(msgq_options INTERFACE "$<${release}:-Wl,-z,relro,-z,now>")
endif()
