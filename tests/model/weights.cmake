# The readers of weight files.
eigenscape_test(tst_pickle LABEL unit SOURCES tst_pickle.cpp LIBRARIES eigenscape_model)
eigenscape_test(tst_safetensors LABEL unit SOURCES tst_safetensors.cpp LIBRARIES eigenscape_model)
eigenscape_test(tst_state_dict LABEL unit SOURCES tst_state_dict.cpp LIBRARIES eigenscape_model)
eigenscape_test(tst_weight_files LABEL data SOURCES tst_weight_files.cpp LIBRARIES eigenscape_model)
