# cmake -DFOLDER=web/dist -DOUTPUT=assets_data.cc -P embed_assets.cmake
# Writes a C++ file that holds every file below FOLDER, plain and gzipped. gzip -n leaves out name and
# time, so that the same files give the same program.
get_filename_component(work ${OUTPUT} DIRECTORY)
file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT files)
set(types
  "html=text/html^ charset=utf-8" "js=text/javascript^ charset=utf-8" "css=text/css^ charset=utf-8"
  "json=application/json" "svg=image/svg+xml" "png=image/png" "ico=image/x-icon"
  "woff2=font/woff2" "txt=text/plain^ charset=utf-8" "webmanifest=application/manifest+json")
set(symbols "")
set(rows "")
set(number 0)
foreach(file ${files})
  get_filename_component(extension ${file} LAST_EXT)
  if(extension STREQUAL ".map" OR file MATCHES "(^|/)[.]")
    continue()
  endif()
  set(type "application/octet-stream")
  foreach(entry ${types})
    string(REPLACE "^" "\;" entry "${entry}")
    if(entry MATCHES "^([a-z0-9]+)=(.*)$" AND ".${CMAKE_MATCH_1}" STREQUAL extension)
      set(type "${CMAKE_MATCH_2}")
    endif()
  endforeach()
  set(packed ${work}/asset_${number}.gz)
  execute_process(COMMAND gzip -9 -n -c ${FOLDER}/${file} OUTPUT_FILE ${packed}
                  RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "gzip ${FOLDER}/${file}: ${failed}")
  endif()
  file(SHA256 ${FOLDER}/${file} digest)
  string(SUBSTRING ${digest} 0 16 digest)
  foreach(kind plain packed)
    if(kind STREQUAL plain)
      set(source ${FOLDER}/${file})
    else()
      set(source ${packed})
    endif()
    string(APPEND symbols
"asm(\".section .rodata\\n.global graft_asset_${number}_${kind}\\ngraft_asset_${number}_${kind}:\\n\"
    \".incbin \\\"${source}\\\"\\n.global graft_asset_${number}_${kind}_end\\n\"
    \"graft_asset_${number}_${kind}_end:\\n.byte 0\\n.previous\\n\");
extern \"C\" const char graft_asset_${number}_${kind}[], graft_asset_${number}_${kind}_end[];
")
  endforeach()
  string(APPEND rows
"    {\"/${file}\", \"${type}\", bytes(graft_asset_${number}_plain, graft_asset_${number}_plain_end),
     bytes(graft_asset_${number}_packed, graft_asset_${number}_packed_end), \"\\\"${digest}\\\"\"},
")
  math(EXPR number "${number} + 1")
endforeach()
if(number EQUAL 0)
  set(body "  return {};\n")
else()
  set(body "  static const Asset assets[] = {\n${rows}  };\n  return assets;\n")
endif()
file(WRITE ${OUTPUT} "// Made by cmake/embed_assets.cmake.
#include \"board/assets.h\"

#include <cstddef>

${symbols}
namespace graft {
namespace {

[[maybe_unused]] std::string_view bytes(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::span<const Asset> all_assets() {
${body}}

}  // namespace graft
")
