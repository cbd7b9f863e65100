package dev.penstock;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.testing.Patience;

/** What the launcher does around the JVM, with a JDK that says what it is started with, and Maven that builds nothing. */
class LauncherTest {
    @TempDir
    Path home;

    @BeforeEach
    void checkout() throws IOException {
        Files.copy(Path.of("../penstock"), home.resolve("penstock"));
        for (String module : List.of("gateway", "loadgen")) {
            write(module + "/pom.xml", "");
            write(module + "/src/main/java/A.java", "");
            write(module + "/target/penstock-" + module + "-1.jar", "");
        }
        write("pom.xml", "");
        write("gateway/console/app.js", "");
        script("mvnw", "exit 0");
        write("jdk/release", "JAVA_VERSION=\"25.0.1\"\n");
        script("jdk/bin/javac", "exit 0");
        java("");
    }

    @Test
    void aBuildRehearsesAndStartsUseWhatCameOfIt() throws Exception {
        java("for word; do case $word in -XX:AOTCacheOutput=*) echo cache >\"${word#*=}\" ;; esac; done");

        assertThat(penstock(Map.of(), "version")).contains("building", "rehearsing").doesNotContain("-XX:AOTCache=");
        String started = penstock(Map.of(), "run", "--config", "my.toml");

        assertThat(started).doesNotContain("building", "rehearsing")
                .containsPattern("-XX:AOTCache=\\S+\\.aot .*dev\\.penstock\\.cli\\.Main run --config my\\.toml");
        assertThat(penstock(Map.of("PENSTOCK_AOT", "off"), "run")).doesNotContain("AOTCache");
        assertThat(penstock(Map.of("PENSTOCK_GC", "SerialGC"), "run")).doesNotContain("AOTCache");
    }

    @Test
    void aStartAfterTheBuildWritesNothing() throws Exception {
        penstock(Map.of(), "version");
        List<String> built = files();

        assertThat(penstock(Map.of(), "run")).contains("dev.penstock.cli.Main run");
        assertThat(files()).isEqualTo(built);
    }

    @ParameterizedTest
    @ValueSource(strings = {"pom.xml", "gateway/pom.xml", "loadgen/src/main/java/A.java", "gateway/console/app.js"})
    void whatIsNewerThanTheBuildIsBuilt(String source) throws Exception {
        assertThat(penstock(Map.of(), "version")).contains("building");
        assertThat(penstock(Map.of(), "version")).doesNotContain("building");
        Files.setLastModifiedTime(home.resolve(source), FileTime.from(Instant.now().plusSeconds(60)));

        assertThat(penstock(Map.of(), "version")).contains("building");
    }

    @Test
    void aRehearsalThatFailsIsSaidOnceAndCostsNoStart() throws Exception {
        java("case \"$*\" in *AotTraining*) exit 1 ;; esac");

        assertThat(penstock(Map.of(), "run")).contains("no cache was made", "dev.penstock.cli.Main run")
                .doesNotContain("AOTCache=");
        assertThat(penstock(Map.of(), "run")).doesNotContain("no cache was made", "rehearsing");
    }

    @Test
    void aNewBuildDropsTheCacheOfTheOneBefore() throws Exception {
        write("target/penstock-1.aot", "old");

        penstock(Map.of(), "version");

        assertThat(files()).noneMatch(file -> file.contains("penstock-1.aot"));
    }

    @Test
    void inAPackageItFindsAndBuildsNothingAndNamesLibrariesInOneOrder() throws Exception {
        packaged();

        String run = penstock(Map.of("PENSTOCK_HEAP", "2g"), "run", "--config", "my.toml");
        assertThat(run).doesNotContain("building", "rehearsing", "AOTCache").contains("-Xmx2g",
                "-cp " + home + "/lib/a.jar:" + home + "/lib/b.jar dev.penstock.cli.Main run --config my.toml");
        assertThat(penstock(Map.of(), "sink")).contains(
                "-cp " + home + "/tools/t.jar:" + home + "/lib/a.jar:" + home
                        + "/lib/b.jar dev.penstock.loadgen.Main sink");
        assertThat(penstock(Map.of(), "help")).contains("Usage: penstock").doesNotContain("./penstock");
    }

    @Test
    void inAPackageItRehearsesWhenAskedAndForEachCollectorByItself() throws Exception {
        packaged();
        String name = penstock(Map.of(), "rehearse", "--name").strip();

        assertThat(penstock(Map.of(), "rehearse")).contains("rehearsing");

        assertThat(home.resolve("aot").resolve(name)).hasContent("cache");
        assertThat(penstock(Map.of(), "run")).contains("-XX:AOTCache=" + home.resolve("aot").resolve(name));
        assertThat(penstock(Map.of("PENSTOCK_GC", "G1GC"), "run")).doesNotContain("AOTCache=");
    }

    @Test
    void whatNeedsACheckoutIsntInPackages() throws Exception {
        packaged();
        assertThat(said(64, Map.of(), "bench")).contains("needs a checkout");
        assertThat(said(64, Map.of(), "compare")).contains("needs a checkout");
    }

    private void packaged() throws IOException {
        write("lib/b.jar", "");
        write("lib/a.jar", "");
        write("tools/t.jar", "");
        write("runtime/release", "JAVA_VERSION=\"25.0.1\"\n");
        script("mvnw", "exit 1");
        script("runtime/bin/java",
                "for word; do case $word in -XX:AOTCacheOutput=*) echo cache >\"${word#*=}\" ;; esac; done\necho \"$*\"");
    }

    private void java(String first) throws IOException {
        script("jdk/bin/java", first + "\necho \"$*\"");
    }

    private void script(String name, String text) throws IOException {
        write(name, "#!/usr/bin/env bash\n" + text + "\n");
        assertThat(home.resolve(name).toFile().setExecutable(true)).isTrue();
    }

    private void write(String name, String text) throws IOException {
        Files.createDirectories(home.resolve(name).getParent());
        Files.writeString(home.resolve(name), text);
    }

    private List<String> files() throws IOException {
        try (Stream<Path> all = Files.walk(home)) {
            return all.map(file -> home.relativize(file) + " " + file.toFile().lastModified()).sorted().toList();
        }
    }

    private String penstock(Map<String, String> environment, String... arguments) throws Exception {
        return said(0, environment, arguments);
    }

    /** @return what was said on both outputs */
    private String said(int exitCode, Map<String, String> environment, String... arguments) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                Stream.concat(Stream.of("bash", home.resolve("penstock").toString()), Stream.of(arguments)).toList())
                .redirectErrorStream(true);
        builder.environment().keySet().removeIf(name -> name.startsWith("PENSTOCK_"));
        builder.environment().put("JAVA_HOME", home.resolve("jdk").toString());
        builder.environment().putAll(environment);
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(said).isEqualTo(exitCode);
        return said;
    }
}
