package dev.penstock.migration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.junit.jupiter.api.Test;

/**
 * The directives that the document tells of are those that the import knows. With the system property
 * {@code penstock.write-documents} the document is written anew instead.
 */
class PowerMtaDocumentTest {
    private static final Path DOCUMENT = Path.of("docs", "migrating-from-powermta.md");
    private static final String MARK = "powermta keys";

    @Test
    void everyDirectiveStandsInTheDocument() throws IOException {
        check(MARK, table());
    }

    @Test
    void soDoesEveryParameterOfPostfix() throws IOException {
        List<String> table = new ArrayList<>(List.of("", "| parameter | becomes |", "|---|---|"));
        Map<String, String> rows = new TreeMap<>();
        PostfixImport.OF_TRANSPORTS.forEach((name, text) -> rows.put("TRANSPORT" + name, text));
        PostfixImport.TARGETS.forEach((name, target) -> rows.put(name, "`" + target.header() + " " + target.key() + "`"
                + (target.text().isEmpty() ? "" : "; " + target.text())));
        PostfixImport.NONE.forEach((name, text) -> rows.put(name, "no counterpart: " + text));
        rows.forEach((name, text) -> table.add("| `" + name + "` | " + text + " |"));
        table.add("");
        check("postfix keys", table);
    }

    private static void check(String mark, List<String> table) throws IOException {
        List<String> lines = Files.readAllLines(DOCUMENT);
        List<String> expected = new ArrayList<>(lines.subList(0, lines.indexOf("<!-- " + mark + " -->") + 1));
        expected.addAll(table);
        expected.addAll(lines.subList(lines.indexOf("<!-- end of " + mark + " -->"), lines.size()));
        if (System.getProperty("penstock.write-documents") != null) {
            Files.write(DOCUMENT, expected);
        }
        assertThat(Files.readAllLines(DOCUMENT)).isEqualTo(expected);
    }

    private static List<String> table() {
        List<String> table = new ArrayList<>();
        PowerMtaKeys.tables().forEach((where, keys) -> {
            table.addAll(List.of("", "### " + where.replace("<", "`<").replace(">", ">`"), "",
                    "| directive | | becomes | |", "|---|---|---|---|"));
            keys.entrySet().stream().sorted(Map.Entry.comparingByKey()).forEach(entry -> {
                PowerMtaKeys.Counterpart known = entry.getValue();
                table.add("| `" + entry.getKey() + "` | " + known.kind().words() + " | "
                        + (known.target().isEmpty() ? "" : "`" + known.target() + "`") + " | " + known.text() + " |");
            });
        });
        table.addAll(List.of("", "### Blocks that nothing is made of", "", "| block | |", "|---|---|"));
        PowerMtaKeys.BLOCKS.entrySet().stream().sorted(Map.Entry.comparingByKey())
                .forEach(entry -> table.add("| `<" + entry.getKey() + ">` | " + entry.getValue() + " |"));
        table.addAll(List.of("", "### Patterns of a `<smtp-pattern-list>`", "",
                "`" + String.join("`, `", PowerMtaKeys.ACTIONS) + "`", ""));
        return table;
    }
}
