package dev.penstock.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.admin.ShapingRoutes.Explained;
import dev.penstock.config.ShapingReader;
import dev.penstock.http.Routes;
import dev.penstock.http.TextErrors;
import dev.penstock.routing.Site;
import dev.penstock.shaping.rules.RuleBook;
import dev.penstock.shaping.rules.SiteFinder;

class ShapingRoutesTest {
    private static final Map<String, SiteFinder.Answer> SITES = Map.of(
            "big.example", new SiteFinder.Answer.At(Site.ofHosts(List.of("mx1.mail.example", "mx2.mail.example"))),
            "gone.example", new SiteFinder.Answer.Nowhere("no such domain"),
            "xn--bcher-kva.example", new SiteFinder.Answer.At(Site.ofHosts(List.of("mx.books.example"))));

    @TempDir
    Path directory;

    private RuleBook book;
    private AdminSocket socket;
    private AdminClient client;

    @BeforeEach
    void start() throws IOException {
        Path shaping = Files.writeString(directory.resolve("shaping.toml"), """
                ["default"]
                connection_limit = 10

                ["big.example"]
                mx_rollup = false
                connection_limit = 3
                """);
        ShapingReader.Result read = ShapingReader.read(shaping);
        assertThat(read.errors()).isEmpty();
        book = new RuleBook(read.config());
        AdminApi api = new AdminApi(new LocalAccess(), ShapingRoutes.of(book::rules,
                domain -> CompletableFuture.completedFuture(
                        SITES.getOrDefault(domain, new SiteFinder.Answer.Unknown("no name server answers")))));
        socket = new AdminSocket(directory.resolve(AdminSocket.NAME),
                Routes.of(new TextErrors(), List.of(), Map.of(AdminApi.ROOT + "/", api)));
        client = AdminClient.over(directory.resolve(AdminSocket.NAME));
    }

    @AfterEach
    void stop() throws IOException {
        client.close();
        socket.close();
        book.close();
    }

    private Explained explain(String query) throws Exception {
        return client.get("/shaping/explain" + query, Explained.class);
    }

    @Test
    void eachValueStandsWithItsPlaceAndWhatItOverrode() throws Exception {
        Explained explained = explain("?domain=BIG.example&source=ip-1");
        assertThat(explained.domain()).isEqualTo("big.example");
        assertThat(explained.path()).startsWith("ip-1->");
        assertThat(explained.hosts()).containsExactly("mx1.mail.example", "mx2.mail.example");
        assertThat(explained.settings()).filteredOn(each -> each.key().equals("connection_limit")).singleElement()
                .satisfies(limit -> {
                    assertThat(limit.value()).isEqualTo("3");
                    assertThat(limit.place()).endsWith("shaping.toml:6");
                    assertThat(limit.overrides()).singleElement().asString().startsWith("10 at ")
                            .contains("shaping.toml:2");
                });
        assertThat(explained.bounds()).isNotEmpty();
    }

    @Test
    void aDomainOfOtherScriptsIsFound() throws Exception {
        assertThat(explain("?domain=b%C3%BCcher.example").domain()).isEqualTo("xn--bcher-kva.example");
    }

    @Test
    void whatCannotBeToldIsSaid() {
        assertThatThrownBy(() -> explain("")).hasMessageContaining("domain is missing: of which one?");
        assertThatThrownBy(() -> explain("?domain=gone.example"))
                .hasMessageContaining("gone.example: no mail goes there: no such domain");
        assertThatThrownBy(() -> explain("?domain=else.example"))
                .hasMessageContaining("else.example: no name server answers");
        assertThatThrownBy(() -> explain("?domain=-%E2%80%AE.example")).hasMessageContaining("not an international");
    }
}
