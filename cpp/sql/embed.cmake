# Writes OUTPUT, a header with one constant per file below SQL_ROOT, so that C++ names SQL and never spells it.
#
#   sqlite/settle_and_claim.sql         msgq::transport::sql::sqlite::kSettleAndClaim
#   sqlite/migrations/0001_create.sql   msgq::transport::sql::sqlite::kMigration0001Create
#   postgres/functions/append.sql       msgq::transport::sql::postgres::functions::kAppend, and one of kAll
#   postgres/views/dead.sql             msgq::transport::sql::postgres::views::kDead, and one of kAll
#
# Run by the build as `cmake -DSQL_ROOT=... -DOUTPUT=... -P embed.cmake`.
cmake_minimum_required(VERSION 3.25)

# snake_case to PascalCase: 0001_create becomes 0001Create.
function(pascal_case name result)
  string(REPLACE "_" ";" words "${name}")
  set(text "")
  foreach(word IN LISTS words)
    string(SUBSTRING "${word}" 0 1 first)
    string(TOUPPER "${first}" first)
    string(SUBSTRING "${word}" 1 -1 rest)
    string(APPEND text "${first}${rest}")
  endforeach()
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE files RELATIVE "${SQL_ROOT}" "${SQL_ROOT}/*.sql")
list(SORT files)

set(header "// Made from cpp/sql by cpp/sql/embed.cmake; edit the .sql files.\n#pragma once\n")
foreach(file IN LISTS files)
  cmake_path(GET file PARENT_PATH folder)
  cmake_path(GET file STEM LAST_ONLY stem)
  pascal_case("${stem}" name)
  if(folder MATCHES "(^|/)migrations$")
    string(REGEX REPLACE "/?migrations$" "" folder "${folder}")
    string(PREPEND name "Migration")
  endif()
  set(namespace "msgq::transport::sql")
  if(folder)
    string(REPLACE "/" "::" inner "${folder}")
    string(APPEND namespace "::${inner}")
  endif()
  file(READ "${SQL_ROOT}/${file}" text)
  if(text MATCHES "\\)sql\"")
    message(FATAL_ERROR "${file} contains )sql\" and cannot be embedded")
  endif()
  string(APPEND header "\nnamespace ${namespace} {\n"
         "inline constexpr char k${name}[] = R\"sql(${text})sql\";\n"
         "}  // namespace ${namespace}\n")
  # What a schema is given together has a list of its own, kAll.
  if(folder MATCHES "/(functions|views)$")
    list(APPEND groups "${namespace}")
    list(APPEND "all_${namespace}" "${namespace}::k${name}")
  endif()
endforeach()

list(REMOVE_DUPLICATES groups)
foreach(namespace IN LISTS groups)
  list(JOIN "all_${namespace}" ",\n    " all)
  string(APPEND header "\nnamespace ${namespace} {\n"
         "inline constexpr const char* kAll[] = {\n    ${all}};\n}  // namespace ${namespace}\n")
endforeach()

file(WRITE "${OUTPUT}" "${header}")
