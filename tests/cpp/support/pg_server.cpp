#include "support/pg_server.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace msgq::test {
namespace {

std::optional<std::string> content_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// The script as a child. It runs the server until its input ends, which is when this process is no
// more, however that came.
class Served {
 public:
  Served(std::string script, std::vector<std::string> words) {
    int input[2];
    int output[2];
    if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe for the server");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    std::string python = MSGQ_TEST_PYTHON;
    std::vector<char*> arguments{python.data(), script.data()};
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int error =
        posix_spawn(&pid_, python.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(input[0]);
    ::close(output[1]);
    input_ = input[1];
    if (error == 0) said_ = first_line(output[0]);
    ::close(output[0]);
  }
  ~Served() {
    ::close(input_);
    while (pid_ > 0 && waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  // The URL, or why there is none.
  const std::string& said() const { return said_; }

 private:
  static std::string first_line(int fd) {
    std::string line;
    char one = 0;
    while (read(fd, &one, 1) == 1 && one != '\n') line += one;
    return line;
  }

  pid_t pid_ = 0;
  int input_ = -1;
  std::string said_;
};

struct Server {
  std::string url, missing;
};

Server find_server() {
  Server found;
  if (const char* folder = std::getenv("MSGQ_TEST_POSTGRES_DIR")) {
    found.url = content_of(std::filesystem::path(folder) / "url").value_or("");
    found.missing = content_of(std::filesystem::path(folder) / "missing").value_or("");
    if (found.url.empty() && found.missing.empty())
      throw std::runtime_error(std::string("no server was started in ") + folder);
  } else {
    static const Served served(MSGQ_TEST_SERVER_SCRIPT, {"serve"});
    const bool is_url = served.said().starts_with("postgresql://");
    (is_url ? found.url : found.missing) = served.said();
    if (served.said().empty()) throw std::runtime_error("the server did not start");
  }
  if (!found.missing.empty() && std::getenv("CI") != nullptr)
    throw std::runtime_error(found.missing);
  return found;
}

const Server& server() {
  static const Server found = find_server();
  return found;
}

Server find_pooler() {
  Server found;
  if (!pg_missing().empty()) {
    found.missing = pg_missing();
  } else if (const char* folder = std::getenv("MSGQ_TEST_POSTGRES_DIR")) {
    found.url = content_of(std::filesystem::path(folder) / "pooled_url").value_or("");
    found.missing = content_of(std::filesystem::path(folder) / "pooler_missing").value_or("");
  } else {
    static const Served served(MSGQ_TEST_POOLER_SCRIPT, {"serve", pg_url()});
    const bool is_url = served.said().starts_with("postgresql://");
    (is_url ? found.url : found.missing) = served.said();
  }
  if (found.url.empty() && found.missing.empty())
    throw std::runtime_error("the pooler did not start");
  if (!found.missing.empty() && std::getenv("CI") != nullptr)
    throw std::runtime_error(found.missing);
  return found;
}

const Server& pooler() {
  static const Server found = find_pooler();
  return found;
}

// libpq knows no `schema`.
std::string without_schema(std::string url) {
  const auto begin = url.find("&schema=");
  if (begin != std::string::npos) url.erase(begin, url.find('&', begin + 1) - begin);
  return url;
}

}  // namespace

const std::string& pg_url() {
  if (server().url.empty()) throw std::runtime_error(server().missing);
  return server().url;
}

const std::string& pg_missing() { return server().missing; }

const std::string& pooled_url() {
  if (pooler().url.empty()) throw std::runtime_error(pooler().missing);
  return pooler().url;
}

const std::string& pooler_missing() { return pooler().missing; }

std::string pg_run(const std::string& sql, const std::string& url) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
      PQconnectdb(without_schema(url).c_str()), &PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK)
    throw std::runtime_error(PQerrorMessage(connection.get()));
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()),
                                                             &PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
    throw std::runtime_error(PQerrorMessage(connection.get()));
  return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

PgSchema::PgSchema() {
  static std::atomic<int> last{0};
  name_ = "t_" + std::to_string(getpid()) + "_" + std::to_string(++last);
}

PgSchema::~PgSchema() {
  try {
    // A connection that a test forgot would hold it up for good.
    pg_run("set lock_timeout = '10s'; drop schema if exists " + name_ + " cascade");
  } catch (const std::exception& error) {
    ADD_FAILURE() << "schema " << name_ << " stays: " << error.what();
  }
}

}  // namespace msgq::test
