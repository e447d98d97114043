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
# the first one compiled file by file.
find_program(MSGQ_CCACHE ccache)
if(MSGQ_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${MSGQ_CCACHE}")
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

# msgq_unify(TARGET): compiles the files of a target eight at a time, in half the time and a third with sanitizers. For
# builds that are made to be tested: in the one that is installed each file shows that it includes what it uses.
option(MSGQ_UNITY "Compile eight files at a time" OFF)
function(msgq_unify target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${MSGQ_UNITY} UNITY_BUILD_BATCH_SIZE 8
    UNITY_BUILD_CODE_BEFORE_INCLUDE "// NOLINTNEXTLINE(bugprone-suspicious-include)")
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
