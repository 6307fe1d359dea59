# cmake -DFOLDER=web/dist -DOUTPUT=assets_data.cc -P embed_assets.cmake
# Writes a C++ file that holds every file below FOLDER, plain and gzipped. gzip -n leaves out name and
# time, so that the same files give the same program.
get_filename_component(work ${OUTPUT} DIRECTORY)
file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT files)

# Variable `type` from a file's last extension.
function(content_type extension)
  set(found "application/octet-stream")
  if(extension STREQUAL ".html")
    set(found "text/html; charset=utf-8")
  elseif(extension STREQUAL ".js")
    set(found "text/javascript; charset=utf-8")
  elseif(extension STREQUAL ".css")
    set(found "text/css; charset=utf-8")
  elseif(extension STREQUAL ".txt")
    set(found "text/plain; charset=utf-8")
  elseif(extension STREQUAL ".json")
    set(found "application/json")
  elseif(extension STREQUAL ".svg")
    set(found "image/svg+xml")
  elseif(extension STREQUAL ".png")
    set(found "image/png")
  elseif(extension STREQUAL ".ico")
    set(found "image/x-icon")
  elseif(extension STREQUAL ".woff2")
    set(found "font/woff2")
  elseif(extension STREQUAL ".webmanifest")
    set(found "application/manifest+json")
  endif()
  set(type "${found}" PARENT_SCOPE)
endfunction()

set(symbols "")
set(rows "")
set(number 0)
foreach(file ${files})
  get_filename_component(extension ${file} LAST_EXT)
  if(extension STREQUAL ".map" OR file MATCHES "(^|/)[.]")
    continue()
  endif()
  content_type("${extension}")
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
