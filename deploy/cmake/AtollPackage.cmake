# The Debian package, of the program as it is built: cpack --config build/release/CPackConfig.cmake
# What goes where, and what its maintainer scripts do, is tried by tests/packages/test_deb.py.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # Packing builds nothing.
set(package_source ${CMAKE_SOURCE_DIR}/deploy/package)
set(package_build ${CMAKE_BINARY_DIR}/package)

# One region per instance: /etc/atoll/NAME and /var/lib/atoll/NAME.
file(READ ${CMAKE_SOURCE_DIR}/deploy/atoll.service unit)
string(REGEX REPLACE "^(#[^\n]*\n)+" "# One of several regions on this host; see atoll.service.\n" unit "${unit}")
string(REPLACE "/etc/atoll" "/etc/atoll/%i" unit "${unit}")
string(REPLACE "/var/lib/atoll" "/var/lib/atoll/%i" unit "${unit}")
string(REPLACE "StateDirectory=atoll" "StateDirectory=atoll/%i" unit "${unit}")
string(REPLACE "Description=Atoll," "Description=Atoll region %i," unit "${unit}")
file(CONFIGURE OUTPUT ${package_build}/atoll@.service CONTENT "${unit}" @ONLY)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/deploy/atoll.service ${package_source}/changelog ${package_source}/atoll.1)

foreach(text changelog atoll.1)
  execute_process(COMMAND gzip -9nc ${package_source}/${text} OUTPUT_FILE ${package_build}/${text}.gz COMMAND_ERROR_IS_FATAL ANY)
endforeach()

install(TARGETS atoll RUNTIME DESTINATION usr/bin)
install(FILES ${CMAKE_SOURCE_DIR}/deploy/atoll.service ${package_build}/atoll@.service DESTINATION lib/systemd/system)
install(FILES ${package_source}/region.yaml DESTINATION etc/atoll)
# The program itself knows its verbs and options.
foreach(shell_and_file bash:bash-completion/completions/atoll zsh:zsh/vendor-completions/_atoll fish:fish/vendor_completions.d/atoll.fish)
  string(REGEX MATCH "^([a-z]+):(.+)/([^/]+)$" matched ${shell_and_file})
  set(made ${package_build}/${CMAKE_MATCH_3})
  install(CODE "execute_process(COMMAND $<TARGET_FILE:atoll> completion ${CMAKE_MATCH_1} OUTPUT_FILE ${made}.${CMAKE_MATCH_1} COMMAND_ERROR_IS_FATAL ANY)")
  install(FILES ${made}.${CMAKE_MATCH_1} DESTINATION usr/share/${CMAKE_MATCH_2} RENAME ${CMAKE_MATCH_3})
endforeach()
install(FILES ${package_build}/atoll.1.gz DESTINATION usr/share/man/man1)
install(FILES ${package_source}/copyright ${CMAKE_SOURCE_DIR}/README.md DESTINATION usr/share/doc/atoll)
install(FILES ${package_build}/changelog.gz DESTINATION usr/share/doc/atoll RENAME changelog.Debian.gz)
install(FILES ${package_source}/lintian-overrides DESTINATION usr/share/lintian/overrides RENAME atoll)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs DESTINATION usr/share/doc/atoll FILES_MATCHING PATTERN "*.md")
install(DIRECTORY ${CMAKE_SOURCE_DIR}/deploy/regions/ DESTINATION usr/share/doc/atoll/examples)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/dashboards DESTINATION usr/share/atoll FILES_MATCHING PATTERN "*.json" PATTERN "alerts.yaml")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME atoll)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The Atoll authors <atoll@packages.atoll>")
set(CPACK_PACKAGE_HOMEPAGE_URL "")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Kafka topics mirrored across regions, byte for byte")
set(CPACK_PACKAGE_DESCRIPTION
  "Every region is one process that speaks Kafka's wire protocol, so every Kafka\nclient and tool works unmodified. Links, written in YAML, tie regions together:\neach topic has one owner region, every other region keeps a mirror of it with\nthe same batches at the same offsets.")
set(CPACK_PACKAGING_INSTALL_PREFIX /)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${package_source}/conffiles ${package_source}/postinst ${package_source}/prerm ${package_source}/postrm)
include(CPack)
