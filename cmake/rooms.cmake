# graft_room(NAME base SOURCES a.cc DEPS graft_x LIBS external [PRIVATE_LIBS external] [SELDOM_BUSY])
#   one static library a room; tests beside the sources are named by graft_room_tests.
#   SELDOM_BUSY: it waits for people more than it computes. Optimising it with a sanitizer's checks
#   takes longer than all the tests would gain.
find_package(Threads REQUIRED)

add_library(graft_flags INTERFACE)
target_compile_options(graft_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  # TensorFlow's resize and normalisation are defined bit for bit: no fused multiply-add behind
  # our back on machines that have one.
  -ffp-contract=off
  -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # gcc 12 warns about `"text" + std::string` inside its own <string> (GCC bug 105651, fixed in 13).
  target_compile_options(graft_flags INTERFACE -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_UNITY_BUILD)
  # gcc takes a unit's sources for headers, where a type without linkage would be a mistake.
  target_compile_options(graft_flags INTERFACE -Wno-subobject-linkage)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(graft_flags INTERFACE -Wreserved-identifier
                                               -Wzero-as-null-pointer-constant)
endif()
target_include_directories(graft_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
# Highway compiles our kernels once an instruction set. What has SSSE3 and not SSE4 (2006 to 2008)
# takes the scalar ones. Vectors of SVE have no size that the compiler knows, and our tiles are arrays
# of vectors: NEON serves there.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  set(GRAFT_DISABLED_TARGETS "(HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128)")
else()
  set(GRAFT_DISABLED_TARGETS HWY_SSSE3)
endif()
target_compile_definitions(graft_flags INTERFACE HWY_DISABLED_TARGETS=${GRAFT_DISABLED_TARGETS})
target_link_libraries(graft_flags INTERFACE Threads::Threads)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(graft_flags INTERFACE -fstack-protector-strong -D_FORTIFY_SOURCE=2
                                               -D_GLIBCXX_ASSERTIONS)
  target_link_options(graft_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
if(GRAFT_SANITIZE)
  target_compile_options(graft_flags INTERFACE -fsanitize=${GRAFT_SANITIZE}
                                               -fno-sanitize-recover=all)
  target_link_options(graft_flags INTERFACE -fsanitize=${GRAFT_SANITIZE})
endif()

# Unity builds (all presets but `debug`) compile several sources of a room at once, in half the
# time, so names without linkage are unique in a room. Not these, which Highway includes once an instruction set.
function(graft_compiled_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  if(GRAFT_SANITIZE)
    # Most of what a sanitized program does: a training is twice as fast with it.
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -O2)
  endif()
endfunction()

function(graft_room)
  cmake_parse_arguments(ROOM "SELDOM_BUSY" "NAME" "SOURCES;DEPS;LIBS;PRIVATE_LIBS" ${ARGN})
  add_library(graft_${ROOM_NAME} STATIC ${ROOM_SOURCES})
  target_link_libraries(graft_${ROOM_NAME} PUBLIC graft_flags ${ROOM_DEPS} ${ROOM_LIBS}
                                           PRIVATE ${ROOM_PRIVATE_LIBS})
  if(GRAFT_SANITIZE AND ROOM_SELDOM_BUSY)
    target_compile_options(graft_${ROOM_NAME} PRIVATE -O0)
  endif()
endfunction()

# graft_room_tests(NAME base SOURCES a_test.cc [LIBS ...]): one test binary a room, one ctest entry.
# Tests find files of the source tree below GRAFT_SOURCE_DIR.
function(graft_room_tests)
  if(NOT GRAFT_TESTS)
    return()
  endif()
  find_package(GTest REQUIRED)
  cmake_parse_arguments(ROOM "" "NAME" "SOURCES;LIBS" ${ARGN})
  add_executable(${ROOM_NAME}_test ${ROOM_SOURCES})
  target_link_libraries(${ROOM_NAME}_test PRIVATE graft_${ROOM_NAME} ${ROOM_LIBS}
                                                  GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${ROOM_NAME}_test PRIVATE GRAFT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  # Most of the time of a test is its compilation: several are compiled at once, and what is tested
  # stays optimised, the tests are not.
  set_target_properties(${ROOM_NAME}_test PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 32)
  if(GRAFT_SANITIZE)
    target_compile_options(${ROOM_NAME}_test PRIVATE -O0)
  elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(${ROOM_NAME}_test PRIVATE -O1)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      # gcc 12 sees a std::variant free what it does not hold; AddressSanitizer would see it truly.
      target_compile_options(${ROOM_NAME}_test PRIVATE -Wno-free-nonheap-object)
    endif()
  endif()
  add_test(NAME ${ROOM_NAME} COMMAND ${ROOM_NAME}_test)
  set_tests_properties(${ROOM_NAME} PROPERTIES TIMEOUT 900)
endfunction()
