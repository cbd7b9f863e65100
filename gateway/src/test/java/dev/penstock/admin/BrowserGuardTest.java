package dev.penstock.admin;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.http.Problem;

class BrowserGuardTest {
    private static final Set<String> NAMES = Set.of("mx.example.net");

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1:8025", "127.0.0.1", "[::1]:8025", "localhost:8025", "LocalHost",
        "mx.example.net",
        "MX.Example.Net.:8025", "192.0.2.1:8027"})
    void itIsKnownByAddressesAndItsOwnName(String host) {
        assertThatCode(() -> check(host, null, null, false, "", false)).doesNotThrowAnyException();
    }

    /** A page of theirs comes from a name of theirs, which leads here now. */
    @ParameterizedTest
    @ValueSource(strings = {"evil.example", "evil.example:8025", "localhost.evil.example",
        "mx.example.net.evil.example",
        "127.0.0.1.evil.example", "", "[::1"})
    void aNameOfSomebodyElsesIsRefused(String host) {
        assertThatThrownBy(() -> check(host, null, null, false, "", false)).isInstanceOf(Problem.class)
                .hasMessageContaining("isn't a name of this gateway");
    }

    @Test
    void overTlsTheBrowserHasCheckedTheName() {
        assertThatCode(() -> check("console.example.net", null, null, false, "", true)).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:8025",
        "http://127.0.0.1:8025.evil.example", "not a URI"})
    void aPageOfAnotherOriginIsRefused(String origin) {
        assertThatThrownBy(() -> check("127.0.0.1:8025", origin, null, true, "application/json", false))
                .isInstanceOf(Problem.class).hasMessage("a page from " + origin + " can't use this");
    }

    @Test
    void ourOwnPageIsNot() {
        assertThatCode(() -> check("127.0.0.1:8025", "http://127.0.0.1:8025", "same-origin", true, "application/json",
                false)).doesNotThrowAnyException();
        assertThatCode(() -> check("mx.example.net", "https://mx.example.net", "same-origin", true,
                "application/json; charset=utf-8", true)).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @ValueSource(strings = {"cross-site", "same-site"})
    void aRequestThatTheBrowserCallsAnotherSitesIsRefused(String site) {
        assertThatThrownBy(() -> check("127.0.0.1:8025", null, site, false, "", false)).isInstanceOf(Problem.class)
                .hasMessage("a page of another site can't use this");
    }

    /** What a form can send without being asked about (the Fetch standard's CORS-safelisted types), and nothing. */
    @ParameterizedTest
    @ValueSource(strings = {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "",
        "application/jsonp", "text/plain; application/json"})
    void aBodyMustBeJson(String type) {
        assertThatThrownBy(() -> check("127.0.0.1:8025", null, null, true, type, false)).isInstanceOf(Problem.class)
                .hasMessageContaining("application/json");
    }

    private static void check(String host, @Nullable String origin, @Nullable String site, boolean hasBody, String type,
            boolean encrypted) {
        BrowserGuard.check(new BrowserGuard.Request(host, origin, site, hasBody, type, encrypted), NAMES);
    }
}
