package dev.penstock.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RecipientListTest {
    @TempDir
    Path directory;

    @Test
    void linesAreLocalPartsAddressesWholeDomainsAndComments() throws IOException {
        RecipientList list = read("""
                # people
                Anna
                  bert   # who left
                c#d
                "e f"
                \t
                gina@Other.Example
                @Whole.Example
                """);

        assertThat(list.size()).isEqualTo(5);
        assertThat(list.has("one.example", "anna")).isTrue();
        assertThat(list.has("two.example", "bert")).isTrue();
        assertThat(list.has("one.example", "c#d")).isTrue();
        assertThat(list.has("one.example", "e f")).isTrue();
        assertThat(list.has("other.example", "gina")).isTrue();
        assertThat(list.has("one.example", "gina")).isFalse();
        assertThat(list.has("whole.example", "anybody")).isTrue();
        assertThat(list.has("one.example", "anybody")).isFalse();
    }

    @Test
    void aStarIsEverybody() throws IOException {
        assertThat(read("*\n").has("one.example", "anybody")).isTrue();
    }

    @Test
    void aQuotedAtSignMakesNoAddressOfAnotherDomain() throws IOException {
        RecipientList list = read("\"a@other.example\"\nb@other.example\n");

        assertThat(list.has("other.example", "a")).isFalse();
        assertThat(list.has("one.example", "a@other.example")).isTrue();
        assertThat(list.has("one.example", "b@other.example")).isFalse();
    }

    @Test
    void caseCountsWhenItIsToCount() throws IOException {
        RecipientList list = RecipientList.read(write("Anna\n"), true);

        assertThat(list.has("one.example", "Anna")).isTrue();
        assertThat(list.has("one.example", "anna")).isFalse();
    }

    @Test
    void wrongLinesAreNamedWithTheirNumbers() throws IOException {
        Path file = write("anna\nanna bert\n\nx@\n");

        assertThatThrownBy(() -> RecipientList.read(file, false)).isInstanceOf(IOException.class)
                .hasMessageContaining(file + ":2: \"anna bert\": ").hasMessageContaining(file + ":4: \"x@\": ");
    }

    @Test
    void aFileThatIsNoTextIsRefused() throws IOException {
        Path file = Files.write(directory.resolve("recipients"),
                "anna\nb\u00e9rt\n".getBytes(StandardCharsets.ISO_8859_1));

        assertThatThrownBy(() -> RecipientList.read(file, false)).isInstanceOf(IOException.class)
                .hasMessageContaining("is not UTF-8");
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '`', value = {"Anna@x.example,anna,anna", "Anna+News@x.example,anna+news,anna",
        "+tag@x.example,+tag,+tag", "`\"anna\"@x.example`,anna,anna", "`\"a\\\"b\"@x.example`,`a\"b`,`a\"b`",
        "`\"a@b\"@x.example`,a@b,a@b", "Postmaster,postmaster,postmaster"})
    void localPartsAreComparedWithoutQuotesCaseAndTag(String address, String local, String user) {
        assertThat(LocalParts.of(address, false)).isEqualTo(local);
        assertThat(LocalParts.withoutTag(local, "+")).isEqualTo(user);
    }

    private RecipientList read(String text) throws IOException {
        return RecipientList.read(write(text), false);
    }

    private Path write(String text) throws IOException {
        return Files.writeString(directory.resolve("recipients"), text);
    }
}
