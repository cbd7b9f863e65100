package dev.penstock.smtp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IdnaTest {
    @ParameterizedTest
    @CsvSource({"faß.de, xn--fa-hia.de", "FAß.de, xn--fa-hia.de", "βόλος.com, xn--nxasmm1c.com",
        "نامه‌ای.com, xn--mgba3gch31f060k.com", "BÜCHER.Example, xn--bcher-kva.example",
        "bu\u0308cher.example, xn--bcher-kva.example", "例え。テスト, xn--r8jz45g.xn--zckzah",
        "☃.example, xn--n3h.example", "example.com, example.com", "EXAMPLE.com, example.com",
        "under_score.example, under_score.example"})
    void namesBecomeALabels(String name, String aLabels) {
        assertThat(Idna.toAscii(name)).isEqualTo(aLabels);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\u200cb.example", "-ü.example", "ü-.example", "\u0300a.example", "ü..example",
        "אa.example", "0א.example", "xn--\u00fc.example", "xn--zz--ü.example", "ü_.example", "ü b.example",
        "a\u2028ü.example", "\ud800.example", "\u0378.example"})
    void whatCanBeNoLabelIsRefused(String name) {
        assertThatIllegalArgumentException().isThrownBy(() -> Idna.toAscii(name));
        assertThatExceptionOfType(AddressSyntaxException.class)
                .isThrownBy(() -> MailboxParser.parse("a@" + name, true));
    }

    @Test
    void aLabelThatIsTooLongIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> Idna.toAscii("ü".repeat(64) + ".example"));
        assertThatIllegalArgumentException().isThrownBy(() -> Idna.toAscii("ü.".repeat(60) + "example"));
    }

    /** The tables take tens of milliseconds and megabytes, which the usual mail must not cost. */
    @Test
    void asciiNamesDontLoadTheTables() throws Exception {
        URL[] classes = {Idna.class.getProtectionDomain().getCodeSource().getLocation()};
        try (WithoutIcu loader = new WithoutIcu(classes)) {
            var toAscii = loader.loadClass(Idna.class.getName()).getMethod("toAscii", String.class);
            assertThat(toAscii.invoke(null, "Example.COM")).isEqualTo("example.com");
            assertThat(org.assertj.core.api.Assertions.catchThrowable(() -> toAscii.invoke(null, "ü.example")))
                    .hasRootCauseInstanceOf(ClassNotFoundException.class);
        }
    }

    /** Has the grammar's classes of its own, and no ICU. */
    private static final class WithoutIcu extends URLClassLoader {
        WithoutIcu(URL[] urls) {
            super(urls, WithoutIcu.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (name.startsWith("com.ibm.icu")) {
                throw new ClassNotFoundException(name);
            }
            if (!name.startsWith("dev.penstock.smtp.Idna") || findLoadedClass(name) != null) {
                return super.loadClass(name, resolve);
            }
            try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
                byte[] bytes = in.readAllBytes();
                return defineClass(name, bytes, 0, bytes.length);
            } catch (IOException e) {
                throw new ClassNotFoundException(name, e);
            }
        }
    }
}
