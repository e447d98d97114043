# The libraries msgq stands on. Each is looked for here and nowhere else; a missing one stops the build with the name of
# the Debian package that brings it. All of them are SYSTEM includes: their warnings are not ours.

function(msgq_missing what package)
  message(FATAL_ERROR
    "${what} was not found. On Debian and Ubuntu:\n"
    "  apt-get install ${package}\n"
    ".ci/packages installs everything msgq needs.")
endfunction()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# moodycamel's queue: Debian and vcpkg put it in a folder concurrentqueue/, upstream's own install in
# concurrentqueue/moodycamel/. Our sources include <concurrentqueue/concurrentqueue.h>.
find_path(MSGQ_CONCURRENTQUEUE_DIR concurrentqueue/concurrentqueue.h
          PATH_SUFFIXES concurrentqueue/moodycamel)
find_path(MSGQ_CONCURRENTQUEUE_UPSTREAM_DIR concurrentqueue.h
          PATH_SUFFIXES concurrentqueue/moodycamel moodycamel)
add_library(msgq_concurrentqueue INTERFACE)
if(MSGQ_CONCURRENTQUEUE_DIR)
  target_include_directories(msgq_concurrentqueue SYSTEM INTERFACE "${MSGQ_CONCURRENTQUEUE_DIR}")
elseif(MSGQ_CONCURRENTQUEUE_UPSTREAM_DIR)
  set(forward "${PROJECT_BINARY_DIR}/forward")
  file(WRITE "${forward}/concurrentqueue/concurrentqueue.h"
       "#include \"${MSGQ_CONCURRENTQUEUE_UPSTREAM_DIR}/concurrentqueue.h\"\n")
  target_include_directories(msgq_concurrentqueue SYSTEM INTERFACE "${forward}")
else()
  msgq_missing("concurrentqueue/concurrentqueue.h" libconcurrentqueue-dev)
endif()

# xxHash is used from its header alone (XXH_INLINE_ALL): nothing to link.
find_path(MSGQ_XXHASH_DIR xxhash.h)
if(NOT MSGQ_XXHASH_DIR)
  msgq_missing("xxhash.h" libxxhash-dev)
endif()
add_library(msgq_xxhash INTERFACE)
target_include_directories(msgq_xxhash SYSTEM INTERFACE "${MSGQ_XXHASH_DIR}")

# SQLite comes as the system's shared library, never as a copy of ours: two SQLite libraries in one process drop each
# other's file locks, and Python's own sqlite3 module may well be open on the same file.
if(MSGQ_WITH_SQLITE)
  find_package(SQLite3 3.35)
  if(NOT SQLite3_FOUND)
    msgq_missing("SQLite 3.35 or newer" libsqlite3-dev)
  endif()
  if(SQLite3_LIBRARIES MATCHES "\\.a$")
    message(FATAL_ERROR "msgq needs the shared libsqlite3, and found only ${SQLite3_LIBRARIES}")
  endif()
endif()

if(MSGQ_WITH_POSTGRES)
  find_path(MSGQ_PQXX_DIR pqxx/pqxx)
  find_library(MSGQ_PQXX_LIBRARY pqxx)
  if(NOT MSGQ_PQXX_DIR OR NOT MSGQ_PQXX_LIBRARY)
    msgq_missing("libpqxx (or configure with -DMSGQ_WITH_POSTGRES=OFF)" libpqxx-dev)
  endif()
  file(STRINGS "${MSGQ_PQXX_DIR}/pqxx/version.hxx" MSGQ_PQXX_VERSION REGEX "define PQXX_VERSION \"")
  string(REGEX REPLACE ".*\"([0-9.]+)\".*" "\\1" MSGQ_PQXX_VERSION "${MSGQ_PQXX_VERSION}")
  message(STATUS "Found libpqxx: ${MSGQ_PQXX_LIBRARY} (found version \"${MSGQ_PQXX_VERSION}\")")
  add_library(msgq_pqxx INTERFACE)
  target_include_directories(msgq_pqxx SYSTEM INTERFACE "${MSGQ_PQXX_DIR}")
  target_link_libraries(msgq_pqxx INTERFACE "${MSGQ_PQXX_LIBRARY}")

  # PostgreSQL's own client library, below libpqxx. Debian puts its header in a folder of its own.
  find_path(MSGQ_LIBPQ_DIR libpq-fe.h PATH_SUFFIXES postgresql)
  find_library(MSGQ_LIBPQ_LIBRARY pq)
  if(NOT MSGQ_LIBPQ_DIR OR NOT MSGQ_LIBPQ_LIBRARY)
    msgq_missing("libpq (or configure with -DMSGQ_WITH_POSTGRES=OFF)" libpq-dev)
  endif()
  add_library(msgq_libpq INTERFACE)
  target_include_directories(msgq_libpq SYSTEM INTERFACE "${MSGQ_LIBPQ_DIR}")
  target_link_libraries(msgq_libpq INTERFACE "${MSGQ_LIBPQ_LIBRARY}")
endif()

if(MSGQ_BUILD_TESTS)
  find_package(GTest)
  if(NOT GTest_FOUND)
    msgq_missing("GoogleTest" libgtest-dev)
  endif()
  if(MSGQ_WITH_POSTGRES)
    # tests/support/postgres.py starts the server of the tests.
    find_package(Python 3.10 REQUIRED COMPONENTS Interpreter)
  endif()
endif()

if(MSGQ_BUILD_PYTHON)
  find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module)
  find_package(pybind11 3.0 CONFIG)
  if(NOT pybind11_FOUND)
    message(FATAL_ERROR "pybind11 3 was not found. It comes with pip:  pip install 'pybind11>=3'")
  endif()
endif()
