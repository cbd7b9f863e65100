package dev.penstock.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.PolicyConfig;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.smtp.Reply;

/** Compiles a policy as its author would, puts it into a jar and plugs it in. */
@Timeout(180)
class PluginLoadingTest {
    private static final Path SOURCE = Path.of("src", "test", "resources", "plugin", "SuppressionList.java");
    private static final String PROPERTY = "suppression.list";

    @TempDir
    Path directory;

    private Path plugins = Path.of("");

    @BeforeEach
    void createDirectory() throws IOException {
        plugins = Files.createDirectory(directory.resolve("plugins"));
    }

    @Test
    void thePolicyOfTheManualDecides() throws IOException {
        jar("suppression.jar", "com.example.penstock.SuppressionList");
        System.setProperty(PROPERTY,
                Files.writeString(directory.resolve("suppressed.txt"), "x@far.example\n").toString());
        try (PolicyEngine engine = engine()) {
            assertThat(recipient(engine, "x@far.example")).isEqualTo(new Decision.Refuse(
                    Reply.of(550, "5.7.1", "Recipient doesn't want mail any more")));
            assertThat(recipient(engine, "y@far.example")).isEqualTo(Decision.ACCEPT);
            assertThat(engine.wantedHeaders()).contains("list-id");
            assertThat(engine.message(Clients.RELAY, "", List.of(), List.of(new HeaderField("List-ID", "<n.example>")),
                    1).join())
                    .isEqualTo(new Decision.Accept(null, null,
                            List.of(new HeaderField("X-Suppression", "checked; list=<n.example>")), List.of()));
            Files.delete(directory.resolve("suppressed.txt"));
            assertThat(recipient(engine, "y@far.example")).isEqualTo(new Decision.Refuse(
                    Reply.of(451, "4.7.1", "Error: policy is unavailable, please try again later")));
        } finally {
            System.clearProperty(PROPERTY);
        }
    }

    @Test
    void theManualShowsThisPolicy() throws IOException {
        String source = Files.readString(SOURCE);
        assertThat(Files.readString(Path.of("docs", "policy.md")))
                .contains(source.substring(source.indexOf("/** Refuses")).strip());
    }

    @Test
    void aDirectoryWithoutPoliciesIsAnError() throws IOException {
        assertThatThrownBy(this::engine).isInstanceOf(PluginException.class)
                .hasMessageStartingWith("policy.plugins: no jar in " + plugins);
        Files.delete(plugins);
        assertThatThrownBy(this::engine).isInstanceOf(PluginException.class)
                .hasMessage("policy.plugins: can't read the directory " + plugins);
    }

    @Test
    void aJarThatPromisesAClassItDoesNotHaveIsAnError() throws IOException {
        jar("suppression.jar", "com.example.penstock.Missing");
        assertThatThrownBy(this::engine).isInstanceOf(PluginException.class)
                .hasMessageStartingWith("policy.plugins: a policy in " + plugins + " can't be loaded: ")
                .hasMessageContaining("com.example.penstock.Missing");
    }

    private PolicyEngine engine() {
        PolicyConfig d = PolicyConfig.DEFAULT;
        return new PolicyEngine(
                d.with(PolicyConfig.ALLOW_NULL_SENDER, true).with(PolicyConfig.CHECK_FROM_HEADER, false)
                        .with(PolicyConfig.TENANT_HEADER, "").with(PolicyConfig.CAMPAIGN_HEADER, "")
                        .with(PolicyConfig.HEADERS_FROM_ANYBODY, false).with(PolicyConfig.REMOVE_HEADERS, false)
                        .with(PolicyConfig.PLUGINS, Optional.of(plugins)).with(PolicyConfig.CALLOUT, Optional.empty()),
                RecipientDirectory.NONE);
    }

    private static Decision recipient(PolicyEngine engine, String address) {
        return engine.recipient(Clients.RELAY, "", "", new Recipient(address, "far.example")).join();
    }

    private void jar(String name, String provider) throws IOException {
        Path classes = Files.createDirectory(directory.resolve("classes"));
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter messages = new StringWriter();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, Locale.ROOT,
                StandardCharsets.UTF_8)) {
            boolean compiled = compiler.getTask(messages, files, null,
                    List.of("-d", classes.toString(), "-proc:none", "-cp", System.getProperty("java.class.path")), null,
                    files.getJavaFileObjects(SOURCE)).call();
            assertThat(compiled).as(messages.toString()).isTrue();
        }
        try (OutputStream out = Files.newOutputStream(plugins.resolve(name));
                ZipOutputStream jar = new ZipOutputStream(out);
                Stream<Path> compiled = Files.walk(classes)) {
            for (Path file : compiled.filter(Files::isRegularFile).toList()) {
                jar.putNextEntry(new ZipEntry(classes.relativize(file).toString()));
                Files.copy(file, jar);
            }
            jar.putNextEntry(new ZipEntry("META-INF/services/" + MessagePolicy.class.getName()));
            jar.write(provider.getBytes(StandardCharsets.UTF_8));
        }
    }
}
